"""What the LLMInferenceService webhook refuses, and where KServe's vLLM defaults would bite."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import Bundle, Object
from tests.kserve.cluster.webhooks.rule import KSERVE, rule

KIND = "LLMInferenceService"
LLM = f"{KSERVE} pkg/apis/serving/v1alpha2/llm_inference_service_validation.go"
WORKLOAD = f"{KSERVE} pkg/controller/v1alpha2/llmisvc"
PRESET = "kserve v0.20.0 config/llmisvcconfig/config-llm-template.yaml, laid under by a merge"
PORT, HEALTH = 8000, "/health"
SCHEMES = ("hf", "s3", "pvc", "oci", "oci+native")


def workloads(service: Object) -> Iterator[tuple[str, Object]]:
    """The spec itself, and ``prefill`` where there is one."""
    yield "spec", service["spec"]
    if "prefill" in service["spec"]:
        yield "spec.prefill", service["spec"]["prefill"]


@rule("llm: parallelism", KIND, source=f"{LLM} validateWorkloadParallelism")
def parallelism(service: Object, _: Bundle) -> Iterator[str]:
    """Workers want pipeline or data parallelism, not both; data comes with dataLocal."""
    for where, each in workloads(service):
        found = each.get("parallelism") or {}
        data = [key for key in ("data", "dataLocal") if found.get(key) is not None]
        if "worker" in each and not (data or found.get("pipeline")):
            yield f"{where}.worker: expected pipeline, or data and dataLocal"
        if found.get("pipeline") and data:
            yield f"{where}.parallelism: expected pipeline or data, found both"
        if len(data) == 1:
            yield f"{where}.parallelism: expected data and dataLocal, found {data[0]} alone"
        if any(found.get(key, 1) < 1 for key in ("pipeline", "data", "dataLocal", "tensor")):
            yield f"{where}.parallelism: expected sizes of 1 or more"


@rule("llm: scaling", KIND, source=f"{LLM} ValidateWorkloadScaling, ValidateActuatorConsistency")
def scaling(service: Object, _: Bundle) -> Iterator[str]:
    """``replicas`` or ``scaling``; one actuator, the same for prefill and decode."""
    actuators = []
    for where, each in workloads(service):
        if "scaling" not in each:
            continue
        if "replicas" in each:
            yield f"{where}: expected replicas or scaling, found both"
        wva = each["scaling"].get("wva") or {}
        found = [key for key in ("hpa", "keda") if key in wva]
        if len(found) != 1:
            yield f"{where}.scaling.wva: expected hpa or keda, found {' and '.join(found) or 0}"
        if each["scaling"].get("minReplicas", 0) > each["scaling"].get("maxReplicas", 1):
            yield f"{where}.scaling: expected minReplicas <= maxReplicas"
        actuators.append(found)
    if len(actuators) == 2 and actuators[0] != actuators[1]:
        yield "spec.prefill.scaling: expected the same actuator as the decode workload's"


@rule("llm: routes", KIND, source=f"{LLM} validateRouterCrossFieldConstraints, validateTraffic…")
def routes(service: Object, _: Bundle) -> Iterator[str]:
    """Routes by reference or by spec; a group comes with a weight."""
    router = service["spec"].get("router") or {}
    route = router.get("route") or {}
    http = route.get("http") or {}
    if http.get("refs") and "spec" in http:
        yield "spec.router.route.http: expected refs or spec, found both"
    if http.get("refs") and "gateway" in router and not (router["gateway"] or {}).get("refs"):
        yield "spec.router.route.http.refs: expected gateway.refs with them"
    if ("group" in route) != ("weight" in route):
        yield "spec.router.route: expected group and weight together"
    if "group" in route and http.get("refs"):
        yield "spec.router.route.group: expected no refs of routes with it"


@rule("llm: scheduler", KIND, source=f"{LLM} validateSchedulerConfig; {WORKLOAD}/scheduler.go")
def scheduler(service: Object, _: Bundle) -> Iterator[str]:
    """One configuration, and one that does not read vLLM's metrics from another engine."""
    found = (service["spec"].get("router") or {}).get("scheduler")
    if found is None:
        return
    config = found.get("config") or {}
    if "config" in found and len(config.keys() & {"inline", "ref"}) != 1:
        yield "spec.router.scheduler.config: expected inline or ref"
    if _command(service) and not config:
        yield "spec.router.scheduler: expected a config with the engine's own metric names"


@rule("llm: storage", KIND, source=f"{WORKLOAD}/workload_storage.go")
def storage(service: Object, _: Bundle) -> Iterator[str]:
    """The schemes that it mounts."""
    scheme = str(service["spec"]["model"]["uri"]).split("://")[0]
    if scheme not in SCHEMES:
        yield f"spec.model.uri: expected one of {', '.join(SCHEMES)}, found {scheme}"


@rule("llm: another engine", KIND, source=f"{WORKLOAD}/workload.go:137")
def engine(service: Object, _: Bundle) -> Iterator[str]:
    """Another image wants its own command, or vLLM's start script stays; port 8000; no LoRA."""
    container = _main(service)
    if "image" not in container or "vllm" in container["image"]:
        return
    if not container.get("command"):
        yield "spec.template main: expected a command, found none: vLLM's script would run"
    words = [*container.get("command", ()), *container.get("args", ())]
    if "8000" not in " ".join(map(str, words)).replace("=", " ").split():
        yield "spec.template main: expected port 8000, where KServe sends requests"
    for key in ("lora", "kvCacheOffloading"):
        if key in service["spec"] or key in service["spec"]["model"]:
            yield f"{key}: expected none, it becomes a flag of vLLM"


@rule("llm: probes", KIND, source=PRESET)
def probes(service: Object, _: Bundle) -> Iterator[str]:
    """Of a probe, what it does not say is the preset's: its handler, and HTTP or HTTPS."""
    container = _main(service)
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        if (probe := container.get(kind)) is None:
            continue
        asked = probe.get("httpGet")
        if asked is None:
            yield f"spec.template main {kind}: expected httpGet, as the preset's, found another"
            continue
        if (asked.get("path"), asked.get("port")) != (HEALTH, PORT):
            yield f"spec.template main {kind}: expected {HEALTH} at {PORT}, found {asked}"
        if "scheme" not in asked:
            yield f"spec.template main {kind}: expected a scheme, or it is the cluster's"


@rule("llm: config has no bases", "LLMInferenceServiceConfig", source=f"{KSERVE} CRD, webhook")
def no_bases(config: Object, _: Bundle) -> Iterator[str]:
    """A configuration builds on no other."""
    if config["spec"].get("baseRefs"):
        yield "spec.baseRefs: expected none"


def _main(service: Object) -> Object:
    containers = (service["spec"].get("template") or {}).get("containers", ())
    return next((each for each in containers if each["name"] == "main"), {})


def _command(service: Object) -> bool:
    return bool(_main(service).get("command"))
