"""kubectl as it is found on PATH: its calls, its streams, and its refusals as sentences."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from repository.children import ending_with_parent
from repository.files.bounded_file import Unreadable, reason
from repository.files.json_file import parse_object
from repository.transfer.errors import TransferError, plain

IMAGE = "docker.io/library/busybox:1.37.0"
"""The image of the pod that copies: a shell, and coreutils' or busybox' find, stat, sha256sum."""

TIMEOUT = 180.0
"""Seconds that the pod gets to start: a node may have to be added, the image pulled."""

_SECONDS = 20
"""What the API server gets for one answer; kubectl itself gets twice that."""

_RIGHTS = (
    "The role needs: get persistentvolumeclaims; create, get and delete pods; create and get "
    "pods/exec"
)
_NOWHERE = "`kubectl config current-context` says which cluster kubectl asks; name another context"
_REMEDIES = (
    ("forbidden", _RIGHTS),
    ("exceeded quota", "Give the namespace room for a pod of 64 MiB, or push from another one"),
    ("Unauthorized", "Sign in to the cluster again"),
    ("You must be logged in", "Sign in to the cluster again"),
    ("no such file", "Name a kubeconfig that is there"),
    ("context", "`kubectl config get-contexts` lists them"),
    ("namespaces", "Create the namespace, or name another"),
    ("connect", _NOWHERE),
    ("dial", _NOWHERE),
    ("configuration", _NOWHERE),
)
_ARGUMENTS = {
    "Name a kubeconfig that is there": ("kubeconfig",),
    "Create the namespace, or name another": ("namespace",),
    _NOWHERE: ("context",),
}
"""A remedy -> the arguments of :class:`Cluster` that it is about."""


@dataclass(frozen=True)
class Cluster:
    """Where a claim is, and how the pod that mounts it is made.

    Attributes:
        namespace, context, kubeconfig: as kubectl takes them; None leaves the choice to kubectl.
        image: of the pod; it needs a shell, find, stat, head, dd and sha256sum.
        timeout: seconds that the pod gets to start.
    """

    namespace: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None
    image: str = IMAGE
    timeout: float = TIMEOUT


class Refused(TransferError):
    """kubectl ended with an error.

    Attributes:
        reason: what it said last.
    """

    def __init__(self, told: str, reason: str, remedy: str) -> None:
        super().__init__(f"{told}. {remedy}.", arguments=_ARGUMENTS.get(remedy, ()))
        self.reason = reason


class Kubectl:
    """Calls of one kubectl to one namespace.

    Args:
        cluster: which, and which namespace of it.

    Raises:
        TransferError: there is no kubectl on PATH.
    """

    def __init__(self, cluster: Cluster) -> None:
        found = shutil.which("kubectl")
        if found is None:
            raise TransferError(
                "pvc: expected kubectl on PATH, found none. Install it, or mount the claim and "
                "name the folder, as pvc:/mnt/models."
            )
        options = {
            "--kubeconfig": cluster.kubeconfig,
            "--context": cluster.context,
            "--namespace": cluster.namespace,
        }
        given = [f"{name}={value}" for name, value in options.items() if value is not None]
        self.command = [found, *given]

    def call(self, *arguments: str, content: str = "") -> str:
        """Run one command to its end, and give what it printed.

        It has a process group of its own, so Ctrl-C ends the push and not the call that deletes the
        pod. If this process is killed, it ends by itself within its time limit.

        Raises:
            Refused: it ended with an error, or did not end in time.
        """
        command = [*self.command, *arguments, f"--request-timeout={_SECONDS}s"]
        try:
            ended = subprocess.run(
                command,
                input=content,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=2 * _SECONDS,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            why = f"no answer within {2 * _SECONDS} seconds"
            raise Refused(f"kubectl {arguments[0]}: {why}", why, _NOWHERE) from error
        except OSError as error:
            why = reason(error)
            raise Refused(f"kubectl: cannot be run: {why}", why, "Install it anew") from error
        if ended.returncode:
            raise refusal(" ".join(arguments[:2]), ended.stderr)
        return ended.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """What ``kubectl get`` gives as JSON.

        Raises:
            Refused: it ended with an error, or gave something else.
        """
        text = self.call("get", *arguments, "--output=json")
        what = f"get {arguments[0]}"
        try:
            return _object(parse_object(text.encode(), "kubectl"))
        except Unreadable as error:
            found = f"{error.found} in the place of {error.expected}: {text[:80]}"
            raise refusal(what, found) from error
        except TypeError as error:
            raise refusal(what, "fields of other types than Kubernetes has") from error

    @contextlib.contextmanager
    def stream(self, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        """A command with open standard input and output, and the file that gets its errors.

        Its input is closed at the end of the block; after an error it is killed.
        """
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=ending_with_parent(signal.SIGTERM),
            )
            try:
                yield process, errors
                ended(process)
            finally:
                process.kill()
                ended(process)
                if process.stdout:
                    process.stdout.close()


_OBJECTS = (
    *("metadata", "spec", "status", "persistentVolumeClaim"),
    *("state", "waiting", "terminated", "running"),
)
_LISTS = ("items", "accessModes", "containerStatuses", "volumes")
_STRINGS = ("name", "phase", "reason", "message", "nodeName", "lastTimestamp", "eventTime")


def _object(value: Any) -> dict[str, Any]:
    """An object of the API, after checking the types of the fields that are read.

    Raises:
        TypeError: one is not.
    """
    if not isinstance(value, dict):
        raise TypeError
    for key, kind in (
        *((key, dict) for key in _OBJECTS),
        *((key, list) for key in _LISTS),
        *((key, str) for key in _STRINGS),
    ):
        if value.get(key) is None:
            value.pop(key, None)  # as in the API, null means absent
        elif not isinstance(value[key], kind):
            raise TypeError
    for key in _OBJECTS:
        if key in value:
            _object(value[key])
    for key in _LISTS:
        for each in value.get(key, ()):
            if key != "accessModes":
                _object(each)
    return value


def ended(process: subprocess.Popen[bytes]) -> int:
    """Close a command's input, and give its exit code; killed if it does not end then."""
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.close()
    try:
        return process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def refusal(what: str, stderr: str) -> Refused:
    """The sentence for what kubectl printed when it failed."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    reason = plain(lines[-1] if lines else "nothing was said", 400).rstrip(".?")
    reason = reason.removeprefix("error: ").removeprefix("Error from server ")
    remedy = next(
        (text for word, text in _REMEDIES if word.lower() in reason.lower()),
        "Run the same with kubectl to see more",
    )
    return Refused(f"kubectl {what}: expected it to succeed, found: {reason}", reason, remedy)
