"""What the webhooks of ServingRuntime and ClusterServingRuntime refuse."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import CONTAINER, Bundle, Object
from tests.kserve.cluster.webhooks.rule import KSERVE, rule

KINDS = ("ServingRuntime", "ClusterServingRuntime")
WEBHOOK = f"{KSERVE} pkg/webhook/admission/servingruntime/servingruntime_webhook.go"

SHIPPED: Object = {
    "kind": "ClusterServingRuntime",
    "metadata": {"name": "kserve-tritonserver"},
    "spec": {
        "protocolVersions": ["v2", "grpc-v2"],
        "supportedModelFormats": [
            {"name": "tensorrt", "version": "8", "autoSelect": True, "priority": 1},
            {"name": "tensorflow", "version": "1", "autoSelect": True, "priority": 1},
            {"name": "tensorflow", "version": "2", "autoSelect": True, "priority": 1},
            {"name": "onnx", "version": "1", "autoSelect": True, "priority": 1},
            {"name": "triton", "version": "2", "autoSelect": True, "priority": 1},
        ],
    },
}
"""What KServe brings (config/runtimes/kserve-tritonserver.yaml), with which others collide."""


@rule("runtime collision", *KINDS, source=f"{WEBHOOK} validateServingRuntimePriority")
def collision(runtime: Object, bundle: Bundle) -> Iterator[str]:
    """Two runtimes of one scope, auto-selected for one format, version, priority and protocol."""
    for other in [*bundle.of_kind(*KINDS), SHIPPED]:
        if _key(other) == _key(runtime) or _scope(other) != _scope(runtime):
            continue
        if set(other["spec"].get("protocolVersions", ())).isdisjoint(
            runtime["spec"].get("protocolVersions", ())
        ):
            continue
        for own in _selectable(runtime).items() & _selectable(other).items():
            yield f"supportedModelFormats: {own[0]} is in {other['metadata']['name']} too"


def _key(runtime: Object) -> tuple[object, ...]:
    return (*_scope(runtime), runtime["metadata"]["name"])


def _scope(runtime: Object) -> tuple[object, ...]:
    return (runtime["kind"], runtime["metadata"].get("namespace"))


def _selectable(runtime: Object) -> dict[tuple[str, str | None], int]:
    return {
        (each["name"].lower(), each.get("version")): each["priority"]
        for each in runtime["spec"].get("supportedModelFormats", ())
        if each.get("autoSelect") and each.get("priority") is not None
    }


@rule("one priority a format", *KINDS, source=f"{WEBHOOK} validateModelFormatPrioritySame")
def one_priority(runtime: Object, _: Bundle) -> Iterator[str]:
    """The versions of a format have one priority."""
    found: dict[str, int] = {}
    for each in runtime["spec"].get("supportedModelFormats", ()):
        if each.get("autoSelect") and each.get("priority") is not None:
            first = found.setdefault(each["name"], each["priority"])
            if first != each["priority"]:
                yield f"supportedModelFormats: {each['name']} has priorities {first} and others"


@rule(
    "the runtime's container",
    *KINDS,
    source=f"{KSERVE} pkg/controller/v1beta1/inferenceservice/utils/utils.go",
)
def container(runtime: Object, _: Bundle) -> Iterator[str]:
    """The container that a service's values are laid over has KServe's name."""
    names = [each["name"] for each in runtime["spec"].get("containers", ())]
    if CONTAINER not in names:
        yield f"spec.containers: expected {CONTAINER}, found {', '.join(names) or 'none'}"


@rule(
    "no hostIPC",
    *KINDS,
    source=f"{KSERVE} pkg/controller/v1beta1/inferenceservice/utils/utils.go MergePodSpec",
)
def host_ipc(runtime: Object, _: Bundle) -> Iterator[str]:
    """It is accepted, then dropped: shared memory wants a volume."""
    if runtime["spec"].get("hostIPC"):
        yield "spec.hostIPC: expected none; mount a volume at /dev/shm"
