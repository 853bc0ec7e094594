"""What is refused of a service, or a runtime, on several nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tests.kserve.cluster.webhooks.bundle import AUTOSCALER, CONTAINER, GPU_TYPES, Bundle, Object
from tests.kserve.cluster.webhooks.rule import ISV, KSERVE, rule

RUNTIMES = ("ServingRuntime", "ClusterServingRuntime")
MULTI = f"{ISV} validateMultiNodeVariables"
RUNTIME = f"{KSERVE} pkg/webhook/admission/servingruntime validateMultiNodeSpec"
GPUS = ("nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu", "habana.ai/gaudi")
PLAIN = ("cpu", "memory", "storage", "ephemeral-storage")


def _unknown(container: Object, annotations: Mapping[str, str]) -> list[str]:
    """Resources that are no known GPU type (pkg/utils/utils.go HasUnknownGpuResourceType)."""
    known = {*PLAIN, *GPUS, *json.loads(annotations.get(GPU_TYPES, "[]"))}
    resources = container.get("resources", {})
    return sorted({*resources.get("limits", {}), *resources.get("requests", {})} - known)


def _sizes(container: Object) -> list[str]:
    names = ("PIPELINE_PARALLEL_SIZE", "TENSOR_PARALLEL_SIZE")
    return [each["name"] for each in container.get("env", ()) if each["name"] in names]


def _worker(worker: Object, annotations: Mapping[str, str]) -> Iterator[str]:
    containers = worker.get("containers") or []
    if len(containers) > 1:
        yield f"workerSpec.containers: expected one, found {len(containers)}"
    for each in containers:
        if unknown := _unknown(each, annotations):
            yield f"workerSpec: expected known GPU types, found {', '.join(unknown)}"
    for key in ("pipelineParallelSize", "tensorParallelSize"):
        if worker.get(key, 1) < 1:
            yield f"workerSpec.{key}: expected 1 or more, found {worker[key]}"


@rule("several nodes: worker", "InferenceService", *RUNTIMES, source=f"{MULTI}; {RUNTIME}")
def worker(manifest: Object, _: Bundle) -> Iterator[str]:
    """One container, known GPU types, sizes of 1 or more."""
    if manifest["kind"] == "InferenceService":
        spec, annotations = manifest["spec"]["predictor"], manifest["metadata"]
    else:
        spec, annotations = manifest["spec"], manifest["spec"]
    if spec.get("workerSpec") is not None:
        yield from _worker(spec["workerSpec"], annotations.get("annotations", {}))


@rule("several nodes: head", "InferenceService", *RUNTIMES, source=f"{MULTI}; {RUNTIME}")
def head(manifest: Object, _: Bundle) -> Iterator[str]:
    """No sizes in the environment, which KServe sets; known GPU types."""
    if manifest["kind"] == "InferenceService":
        spec = manifest["spec"]["predictor"]
        containers = [spec["model"]] if spec.get("model") else []
        annotations = manifest["metadata"].get("annotations", {})
    else:
        spec = manifest["spec"]
        containers = [each for each in spec["containers"] if each["name"] == CONTAINER]
        annotations = spec.get("annotations", {})
    if spec.get("workerSpec") is None:
        return
    for each in containers:
        if names := _sizes(each):
            yield f"env: expected none of KServe's own, found {', '.join(names)}"
        if unknown := _unknown(each, annotations):
            yield f"resources: expected known GPU types, found {', '.join(unknown)}"


@rule("several nodes: storage", "InferenceService", source=MULTI)
def storage(service: Object, _: Bundle) -> Iterator[str]:
    """A ``storageUri``, of a volume claim or an image; no scaling."""
    predictor = service["spec"]["predictor"]
    if predictor.get("workerSpec") is None or not predictor.get("model"):
        return
    uri = predictor["model"].get("storageUri", "")
    if uri.split("://")[0] not in ("pvc", "oci"):
        yield f"storageUri: expected pvc:// or oci://, found {uri or 'none'}"
    if (found := service["metadata"].get("annotations", {}).get(AUTOSCALER)) != "none":
        yield f"annotation {AUTOSCALER}: expected none, found {found or 'no annotation'}"


@rule(
    "several nodes: runtime",
    "InferenceService",
    source=f"{KSERVE} pkg/controller/v1beta1/inferenceservice/components/predictor.go",
)
def runtime(service: Object, bundle: Bundle) -> Iterator[str]:
    """Only where the runtime has a ``workerSpec`` too; only in Standard mode."""
    if service["spec"]["predictor"].get("workerSpec") is None:
        return
    pod = bundle.pod(service)
    if pod.runtime and pod.runtime["spec"].get("workerSpec") is None:
        yield f"workerSpec: expected one in the runtime {pod.runtime['metadata']['name']} too"
    if pod.mode != "Standard":
        yield f"workerSpec: expected Standard mode, found {pod.mode or 'none'}"
