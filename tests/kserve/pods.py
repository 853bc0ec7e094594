"""The pods that controllers make of objects, with the containers that they add, as far as known."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tests.kserve.webhooks.bundle import Bundle, Pod

Object = dict[str, Any]

POD = ("securityContext", "initContainers", "hostNetwork", "hostPID", "hostIPC")
"""Fields of a predictor that are the pod's, of those that pod security looks at."""

DROPPED: Object = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}
SANDBOXED: Object = {**DROPPED, "seccompProfile": {"type": "RuntimeDefault"}}

QUEUE_PROXY: Object = {"name": "queue-proxy", "securityContext": SANDBOXED}
"""knative/serving v1.23 pkg/reconciler/revision/resources/queue.go queueSecurityContext"""

ROUTER: Object = {"name": "router", "securityContext": DROPPED}
"""kserve v0.20.0 pkg/controller/v1alpha1/inferencegraph/raw_ig.go: no seccomp profile"""

INITIALIZER: Object = {"name": "storage-initializer"}
"""kserve v0.20.0 pkg/utils/storage.go: no security context of its own"""

MODELCAR: Object = {"name": "modelcar"}
"""kserve v0.20.0 pkg/utils/storage.go CreateModelcarContainer: a user at most"""

RDMA = ["IPC_LOCK", "SYS_RAWIO", "NET_RAW"]
"""kserve v0.20.0 config/llmisvcconfig/config-llm-worker-data-parallel.yaml, of leader and worker"""


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Each pod that the objects lead to: what it is of, and its PodSpec."""
    bundle = Bundle(objects)
    for each in objects:
        label = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] == "InferenceService":
            for predictor in _predictors(each):
                yield label, _predictor(bundle, {**each, "spec": {"predictor": predictor}})
        elif each["kind"] == "InferenceGraph":
            yield label, {"containers": [ROUTER]}
        elif each["kind"] == "LLMInferenceService":
            for part in ("template", "worker"):
                if part in each["spec"]:
                    added = RDMA if "worker" in each["spec"] else []
                    yield f"{label} {part}", _over_preset(each["spec"][part], added)
        elif each["kind"] == "OpenTelemetryCollector":
            yield label, _collector(each["spec"])


def _predictors(service: Object) -> Iterator[Object]:
    """The stable predictor, and each canary laid over it (predictor.go buildCanaryPredictor)."""
    stable = service["spec"]["predictor"]
    yield stable
    for each in service["spec"].get("canary", ()):
        yield {**stable, **each["predictor"]}


def _predictor(bundle: Bundle, service: Object) -> Object:
    pod, predictor = bundle.pod(service), service["spec"]["predictor"]
    result = {key: copy.deepcopy(predictor[key]) for key in POD if key in predictor}
    result["containers"] = [pod.container]
    result["volumes"] = list(pod.volumes.values())
    if pod.mode == "Knative":
        result["containers"].append(QUEUE_PROXY)
    uri = str(pod.model.get("storageUri", ""))
    if uri.startswith("oci://"):
        result["containers"].append(MODELCAR)
    elif not uri.startswith("pvc://") and not _cached(bundle, uri):
        result.setdefault("initContainers", []).append(_initializer(bundle, pod))
    return result


def _cached(bundle: Bundle, uri: str) -> bool:
    """Whether a volume takes the place of a download (inference_service_defaults.go)."""
    caches = bundle.of_kind("LocalModelCache")
    return any(uri.startswith(each["spec"]["sourceModelUri"]) for each in caches)


def _initializer(bundle: Bundle, pod: Pod) -> Object:
    """The storage container that the service names, or else KServe's own."""
    name = pod.service["spec"]["predictor"].get("storageContainerName")
    for each in bundle.of_kind("ClusterStorageContainer"):
        if each["metadata"]["name"] == name:
            return dict(each["spec"]["container"])
    return INITIALIZER


def _over_preset(template: Mapping[str, Any], added: list[str]) -> Object:
    """A template over KServe's preset: what it does not say of the security context stays."""
    result = copy.deepcopy(dict(template))
    for each in result["containers"]:
        own = each.get("securityContext", {})
        capabilities = {"add": added, **SANDBOXED["capabilities"], **own.get("capabilities", {})}
        each["securityContext"] = {**SANDBOXED, **own, "capabilities": capabilities}
    return result


def _collector(spec: Object) -> Object:
    container = {"name": "otc-container", "securityContext": spec.get("securityContext")}
    return {"securityContext": spec.get("podSecurityContext"), "containers": [container]}
