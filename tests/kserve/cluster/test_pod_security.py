"""No pod of a restricted namespace is refused, whatever else is switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kserve import render
from tests.kserve.cluster.controller import INITIALIZER, MODELCAR, Cluster
from tests.kserve.cluster.pod_security import refusals
from tests.kserve.edits import edited
from tests.kserve.overlays import bundles

Object = dict[str, Any]

CONTEXT: Object = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
GOOD: Object = {
    "securityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "initContainers": [{"name": "first", "securityContext": CONTEXT}],
    "containers": [
        {
            "name": "main",
            "securityContext": CONTEXT,
            "ports": [{"containerPort": 8080}],
            "livenessProbe": {"httpGet": {"path": "/", "port": 8080}},
        }
    ],
}
OWN = "containers 0 securityContext"
BAD: list[tuple[Object, str]] = [
    ({"hostNetwork": True}, "hostNetwork"),
    ({"hostPID": True}, "hostPID"),
    ({"hostIPC": True}, "hostIPC"),
    ({"volumes 0": {"name": "a", "hostPath": {"path": "/"}}}, "found hostPath"),
    ({"securityContext sysctls 0 name": "kernel.msgmax"}, "sysctl kernel.msgmax"),
    ({"securityContext runAsUser": 0}, "the pod's runAsUser"),
    ({"securityContext windowsOptions": {"hostProcess": True}}, "hostProcess"),
    ({"securityContext seLinuxOptions": {"type": "spc_t"}}, "seLinuxOptions"),
    ({"securityContext seLinuxOptions": {"user": "root"}}, "seLinuxOptions"),
    ({"securityContext appArmorProfile": {"type": "Unconfined"}}, "appArmorProfile"),
    ({f"{OWN} runAsUser": 0}, "containers main: runAsUser"),
    ({f"{OWN} privileged": True}, "privileged"),
    ({f"{OWN} procMount": "Unmasked"}, "procMount"),
    ({f"{OWN} allowPrivilegeEscalation": None}, "allowPrivilegeEscalation"),
    ({f"{OWN} capabilities drop": ["NET_RAW"]}, "capabilities.drop"),
    ({f"{OWN} capabilities add": ["IPC_LOCK"]}, "found IPC_LOCK"),
    ({f"{OWN} runAsNonRoot": None}, "runAsNonRoot"),
    ({f"{OWN} runAsNonRoot": False, "securityContext runAsNonRoot": True}, "runAsNonRoot"),
    ({f"{OWN} seccompProfile": None}, "found None"),
    ({f"{OWN} seccompProfile type": "Unconfined"}, "found Unconfined"),
    ({"containers 0 ports 0 hostPort": 80}, "hostPort"),
    ({"containers 0 livenessProbe httpGet host": "10.0.0.1"}, "httpGet.host"),
    ({"containers 0 lifecycle": {"preStop": {"tcpSocket": {"host": "a"}}}}, "tcpSocket.host"),
    ({"initContainers 0 securityContext": None}, "initContainers first: seccompProfile"),
]


def test_what_the_standard_allows_passes() -> None:
    assert list(refusals(GOOD)) == []
    pod = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    by_pod = {f"{OWN} runAsNonRoot": None, f"{OWN} seccompProfile": None, "securityContext": pod}
    assert list(refusals(edited(GOOD, by_pod))) == []


@pytest.mark.parametrize(("edits", "says"), BAD)
def test_each_breach_is_refused(edits: Object, says: str) -> None:
    assert says in "\n".join(refusals(edited(GOOD, edits)))


def refused(objects: list[Object]) -> dict[str, list[str]]:
    pods = Cluster(objects).pods
    found = {f"{pod.owner} {pod.name}": list(refusals(pod.spec)) for pod in pods}
    return {label: sentences for label, sentences in found.items() if sentences}


@pytest.mark.parametrize("stacks", bundles.WIDTHS)
def test_a_restricted_namespace_has_no_pod_that_it_refuses(
    stacks: Callable[[], list[bundles.Stack]],
) -> None:
    beside: set[str] = set()
    for overlay, components in stacks():
        if "restricted" in components:
            objects = render.shipped(overlay, components=components)
            (namespace,) = (each for each in objects if each["kind"] == "Namespace")
            labels = namespace["metadata"]["labels"]
            assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
            assert refused(objects) == {}, (overlay, components)
            assert Cluster(objects).pods
            beside |= {*components}
    assert beside == {each for each in bundles.COMPONENTS if bundles.fits(("restricted", each))}


@pytest.mark.parametrize("overlay", bundles.OVERLAYS)
def test_without_the_component_a_graph_alone_would_be_refused(overlay: str) -> None:
    """Which is why the component takes it out."""
    for label, sentences in refused(render.shipped(overlay)).items():
        assert label.startswith("InferenceGraph/"), sentences
        assert sentences == [
            "containers ocr-overflow: "
            "seccompProfile: expected RuntimeDefault or Localhost, found None"
        ]


def test_the_decoder_on_several_nodes_keeps_what_its_preset_adds() -> None:
    """A merge cannot take capabilities away, so it is not for a restricted namespace."""
    found = {
        folder: refused(bundles.base(folder)) for folder in bundles.BASES if "graph" not in folder
    }
    (several,) = (folder for folder, sentences in found.items() if sentences)
    assert several == "base/services/decoder-trtllm-multi-node"
    for sentences in found[several].values():
        assert sentences == [
            "containers main: capabilities.add: expected none, found IPC_LOCK, NET_RAW, SYS_RAWIO"
        ]
    text = (render.KSERVE / several / "llminferenceservice.yaml").read_text(encoding="utf-8")
    assert "IPC_LOCK" in text, "its comment says so"


def test_what_kserve_adds_is_looked_at() -> None:
    objects = render.shipped("overlays/local-cpu", components=("restricted",))
    (service,) = (each for each in objects if each["kind"] == "InferenceService")
    model = service["spec"]["predictor"]["model"]
    for uri, added in (("s3://a/b", INITIALIZER), ("oci://a/b", MODELCAR)):
        model["storageUri"] = uri
        (sentences,) = refused(objects).values()
        assert all(f" {added['name']}: " in each for each in sentences)
    model["storageUri"] = "s3://a/b"
    service["spec"]["predictor"]["storageContainerName"] = (
        "storage-initializer-restricted.multimodal"
    )
    assert refused(objects) == {}
