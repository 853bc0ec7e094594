"""The short-lived pod that mounts a claim: made, waited for, and deleted whatever happens."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from repository.transfer.address import Claim
from repository.transfer.claim.kubectl import Cluster, Kubectl, Refused
from repository.transfer.errors import TransferError

ROOT = "/claim"
"""Where the pod mounts the claim."""

CONTAINER = "transfer"
USER = 1000
"""As which KServe's runtimes here run: what the pod writes belongs to those who serve it."""

LIFETIME = 24 * 3600
"""Seconds after which a pod ends by itself, should its command have been killed outright."""

_POLL = 1.0
_NOTED = 10.0
"""Seconds between two notes while a pod starts."""
_HOPELESS = (
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
)


def pod_object(
    name: str, claim: str, image: str, *, writable: bool, node: str = ""
) -> dict[str, Any]:
    """The pod, as pod security *restricted* takes it.

    Args:
        name: its own.
        claim: the PersistentVolumeClaim that it mounts at :data:`ROOT`.
        image: has a shell.
        writable: mount it for writing.
        node: where it has to run, if the volume is attached there.
    """
    confined = {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    container = {
        "name": CONTAINER,
        "image": image,
        # The shell has to be the parent: process 1 takes no signal that it has no handler for.
        "command": ["sh", "-c", f"trap 'exit 0' TERM INT; sleep {LIFETIME} & wait"],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "securityContext": confined,
        "volumeMounts": [{"name": "claim", "mountPath": ROOT, "readOnly": not writable}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/name": "repository-transfer",
                "app.kubernetes.io/part-of": "triton-multimodal-kit",
                # exec needs no network of the pod's, and a sidecar would outlive the copying.
                "sidecar.istio.io/inject": "false",
            },
        },
        "spec": {
            "activeDeadlineSeconds": LIFETIME,
            "automountServiceAccountToken": False,
            "containers": [container],
            "enableServiceLinks": False,
            **({"nodeName": node} if node else {}),
            "restartPolicy": "Never",
            "securityContext": {
                "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "runAsGroup": USER,
                "runAsNonRoot": True,
                "runAsUser": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }


@contextlib.contextmanager
def claim_pod(
    kubectl: Kubectl,
    claim: Claim,
    cluster: Cluster,
    *,
    writable: bool,
    note: Callable[[str], None],
) -> Iterator[str]:
    """A pod that mounts a claim, for as long as the block lasts; gives its name.

    It is deleted at the end, after an error, and when the command is told to end (SIGINT, SIGTERM,
    SIGHUP).

    Args:
        kubectl: of the claim's namespace.
        claim: which.
        cluster: image and patience.
        writable: whether it is mounted for writing.
        note: gets a line now and then while the pod starts.

    Raises:
        TransferError: there is no such claim, or the pod did not start; with its event.
    """
    found = _claim(kubectl, claim)
    modes = found.get("spec", {}).get("accessModes", [])
    users = [] if "ReadWriteMany" in modes else _users(kubectl, claim.name)
    if users and "ReadWriteOncePod" in modes:
        raise TransferError(
            f"{claim}: expected a claim that can be mounted, found it ReadWriteOncePod and in use "
            f"by pod {users[0][0]}. End that pod for the time of the transfer."
        )
    name = f"repository-transfer-{secrets.token_hex(5)}"
    # The scheduler ignores where a ReadWriteOnce volume is attached, so name the node.
    node = users[0][1] if users and "ReadOnlyMany" not in modes else ""
    made = pod_object(name, claim.name, cluster.image, writable=writable, node=node)
    # SIGTERM and SIGHUP end the block as Ctrl-C does, with everything that it has to tidy.
    with _signals(_end, signal.SIGTERM, signal.SIGHUP):
        try:
            kubectl.call("create", "--filename=-", content=json.dumps(made))
            _started(kubectl, claim, name, cluster, note)
            yield name
        finally:
            _delete(kubectl, name, note)


def _claim(kubectl: Kubectl, claim: Claim) -> dict[str, Any]:
    try:
        found = kubectl.get("persistentvolumeclaim", claim.name)
    except Refused as refused:
        if "NotFound" not in refused.reason:
            raise
        there = "none at all"
        with contextlib.suppress(Refused):
            items = kubectl.get("persistentvolumeclaims").get("items", [])
            there = ", ".join(each["metadata"]["name"] for each in items[:10]) or there
        raise TransferError(
            f"{claim}: expected a PersistentVolumeClaim {claim.name} in the namespace, found "
            f"{there}. Create it, or name its namespace.",
            arguments=("namespace",),
        ) from refused
    if found.get("status", {}).get("phase") == "Lost":
        raise TransferError(
            f"{claim}: expected a claim with a volume, found it Lost. Restore its volume, or "
            "create the claim anew."
        )
    return found


def _users(kubectl: Kubectl, claim: str) -> list[tuple[str, str]]:
    """Name and node of running pods that mount a claim; none if this user may not list pods."""
    try:
        pods = kubectl.get("pods").get("items", [])
    except Refused:
        return []
    return [
        (pod.get("metadata", {}).get("name", "a pod"), pod["spec"]["nodeName"])
        for pod in pods
        if pod.get("status", {}).get("phase") in ("Pending", "Running")
        and pod.get("spec", {}).get("nodeName")
        and any(
            volume.get("persistentVolumeClaim", {}).get("claimName") == claim
            for volume in pod["spec"].get("volumes", [])
        )
    ]


def _started(
    kubectl: Kubectl, claim: Claim, name: str, cluster: Cluster, note: Callable[[str], None]
) -> None:
    began = noted = time.monotonic()
    while True:
        pod = kubectl.get("pod", name)
        status = pod.get("status", {})
        phase = status.get("phase", "Pending")
        state = (status.get("containerStatuses") or [{}])[0].get("state", {})
        if phase == "Running" and "running" in state:
            return
        waiting = state.get("waiting") or state.get("terminated") or {}
        said = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
        if phase in ("Failed", "Succeeded") or waiting.get("reason") in _HOPELESS:
            said = said or ": ".join(filter(None, (status.get("reason"), status.get("message"))))
            ended = f"{phase}: {said}" if phase in ("Failed", "Succeeded") else said
            raise _not_started(claim, cluster, ended or phase)
        now = time.monotonic()
        if now - noted >= _NOTED or now - began >= cluster.timeout:
            noted = now
            event = _event(kubectl, name) or said or phase
            if now - began >= cluster.timeout:
                pending = _claim(kubectl, claim).get("status", {}).get("phase") == "Pending"
                if pending:
                    event = f"{event}; the claim: {_event(kubectl, claim.name) or 'not bound'}"
                waited = f"{phase} after {cluster.timeout:.0f} seconds: {event}"
                raise _not_started(claim, cluster, waited, unbound=pending)
            note(f"waiting for pod {name}: {event}")
        time.sleep(_POLL)


def _not_started(
    claim: Claim, cluster: Cluster, found: str, *, unbound: bool = False
) -> TransferError:
    remedy = "Mend that, or give it more time"
    arguments: tuple[str, ...] = ("timeout",)
    if unbound:
        remedy = "Give the claim a StorageClass that provides volumes, or a volume that fits it"
        arguments = ()
    elif "Multi-Attach" in found or "exclusively attached" in found:
        remedy = (
            "The claim is ReadWriteOnce: end what uses it for the time of the transfer, or take "
            "a ReadWriteMany claim"
        )
        arguments = ()
    elif "Image" in found:
        remedy = f"Name an image with a shell that the nodes can pull, instead of {cluster.image}"
        arguments = ("image",)
    elif "Insufficient" in found or "OutOf" in found:
        remedy = "Make room on the nodes, or give it more time"
    found = " ".join(found.split()).rstrip(".")
    return TransferError(
        f"{claim}: expected the pod that mounts it to start, found: {found}. {remedy}.",
        arguments=arguments,
    )


def _event(kubectl: Kubectl, name: str) -> str:
    """The latest event of an object that has this name; empty if none may be read."""
    try:
        found = kubectl.get("events", f"--field-selector=involvedObject.name={name}")
    except Refused:
        return ""
    events = found.get("items", [])
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    if not events:
        return ""
    return f"{events[-1].get('reason')}: {events[-1].get('message')}".rstrip(".")


def _delete(kubectl: Kubectl, name: str, note: Callable[[str], None]) -> None:
    try:
        with _signals(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            kubectl.call("delete", "pod", name, "--wait=false", "--ignore-not-found")
    except Refused as refused:
        note(
            f"pod {name} could not be deleted ({refused.reason}): it ends by itself within "
            f"{LIFETIME // 3600} hours; `kubectl delete pod {name}` ends it now"
        )


def _end(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _signals(
    handler: Callable[[int, Any], None] | signal.Handlers, *numbers: int
) -> Iterator[None]:
    """Another handler for as long as the block lasts, where the main thread runs it.

    What is ignored, as SIGHUP under nohup, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [each for each in numbers if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, handler) for each in taken}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
