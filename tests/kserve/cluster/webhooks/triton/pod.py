"""Rules for a multi-model Triton behind KServe, 9 to 14: the pod."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import Bundle, Object, Pod
from tests.kserve.cluster.webhooks.quantity import quantity
from tests.kserve.cluster.webhooks.rule import KSERVE, rule

KIND = "InferenceService"
PORTS = (
    ("http1", 8080, "http-port"),
    ("h2c", 9000, "grpc-port"),
    ("metrics", 8002, "metrics-port"),
)
LOADING = 300
"""Seconds that a repository may take to load at least, before the pod is restarted."""
DEADLINE = "serving.knative.dev/progress-deadline"
_TEMPLATE = re.compile(r"\{\{\s*(?!\.(Name|Namespace|Labels|Annotations)\b)")


@rule("9 shared memory", KIND, source="modelmesh-serving#78; triton-inference-server/server#4675")
def shared_memory(service: Object, bundle: Bundle) -> Iterator[str]:
    """/dev/shm is a sized volume in memory, within the memory limit that it counts against."""
    pod = bundle.pod(service)
    if pod.runtime is None:
        return
    source = (pod.mounted("/dev/shm") or {}).get("emptyDir") or {}
    if source.get("medium") != "Memory" or "sizeLimit" not in source:
        yield "/dev/shm: expected an emptyDir with medium Memory and a sizeLimit"
        return
    memory = pod.container.get("resources", {}).get("limits", {}).get("memory")
    if memory is None or quantity(source["sizeLimit"]) >= quantity(memory):
        yield f"limits.memory: expected more than /dev/shm's {source['sizeLimit']}, found {memory}"


@rule("10 protocolVersion", KIND, source=f"{KSERVE} SetTritonDefaults; predictor_model.go")
def protocol(service: Object, bundle: Bundle) -> Iterator[str]:
    """V2, said outright."""
    pod = bundle.pod(service)
    found = pod.model.get("protocolVersion")
    if pod.is_triton and found not in ("v2", "grpc-v2"):
        yield f"model.protocolVersion: expected v2 or grpc-v2, found {found or 'none'}"


@rule("11 arguments", KIND, source=f"{KSERVE} inferenceservice/utils/utils.go ReplacePlaceholders")
def arguments(service: Object, bundle: Bundle) -> Iterator[str]:
    """Go templates go through all of it: other braces break. A digest ignores runtimeVersion."""
    pod = bundle.pod(service)
    texts = [*pod.arguments, *(each.get("value", "") for each in pod.container.get("env", ()))]
    for text in texts:
        if _TEMPLATE.search(text):
            yield f"expected no template but of the service's metadata, found {text}"
    if pod.model.get("runtimeVersion") and "@" in pod.container.get("image", ""):
        yield "model.runtimeVersion: expected none beside an image's digest"


@rule("12 ports", KIND, source=f"{KSERVE} reconcilers/service: the first port is the Service's 80")
def ports(service: Object, bundle: Bundle) -> Iterator[str]:
    """Standard: http1, h2c, metrics, in this order, declared once; arguments say the same."""
    pod = bundle.pod(service)
    if not pod.is_triton:
        return
    found = [(each.get("name"), each["containerPort"]) for each in pod.container.get("ports", ())]
    wanted = [(name, number) for name, number, _ in PORTS]
    if pod.mode == "Standard" and found != wanted:
        yield f"ports: expected {wanted}, found {found}"
    for name, number, flag in PORTS:
        if pod.flag(flag) != str(number):
            yield f"--{flag}: expected {number} as the port {name}, found {pod.flag(flag)}"
    own = "ports" in pod.model
    if own and pod.runtime and any("ports" in each for each in pod.runtime["spec"]["containers"]):
        yield "ports: expected in one place, found in the runtime and in the service"


def _path(probe: Object) -> str:
    return str(probe.get("httpGet", {}).get("path", ""))


@rule("13 probes", KIND, source="triton server src/main.cc; triton-inference-server/server#7014")
def probes(service: Object, bundle: Bundle) -> Iterator[str]:
    """Nothing answers before all models are loaded; ready turns false while any model loads."""
    pod = bundle.pod(service)
    if pod.runtime is None:
        return
    startup, ready, live = (
        pod.container.get(f"{kind}Probe") or {} for kind in ("startup", "readiness", "liveness")
    )
    if _budget(pod) < LOADING:
        yield f"startupProbe: expected {LOADING} s or more, found {_budget(pod)}"
    if not ready or not live:
        yield "expected a readiness and a liveness probe"
    if pod.is_triton:
        if _path(startup) != "/v2/health/live":
            yield f"startupProbe: expected /v2/health/live, found {_path(startup) or 'another'}"
        if not re.fullmatch(r"/v2/(health|models/[^/]+)/ready", _path(ready)):
            yield f"readinessProbe: expected /v2/health/ready, found {_path(ready) or 'another'}"
        if _path(live) == "/v2/health/ready":
            yield "livenessProbe: expected not to ask whether all models are ready"


def _budget(pod: Pod) -> int:
    """Seconds until the startup probe gives up, by Kubernetes' defaults where it says nothing."""
    probe = pod.container.get("startupProbe")
    if probe is None:
        return 0
    return int(probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3))


@rule("14 slow loads", KIND, source="knative/serving v1.23 config-deployment progress-deadline")
def slow(service: Object, bundle: Bundle) -> Iterator[str]:
    """Knative gives a revision up after 600 s, unless an annotation says how long it may load."""
    pod = bundle.pod(service)
    if pod.mode != "Knative":
        return
    found = pod.annotation(DEADLINE) or ""
    seconds = int(found.removesuffix("s")) if re.fullmatch(r"\d+s", found) else 0
    if seconds < _budget(pod):
        yield f"annotation {DEADLINE}: expected {_budget(pod)}s or more, found {found or 'none'}"


@rule("shutdown", KIND, source="triton server: --exit-timeout-secs waits for idle keep-alives too")
def shutdown(service: Object, bundle: Bundle) -> Iterator[str]:
    """preStop and Triton's own wait end before the grace period does."""
    pod = bundle.pod(service)
    if not pod.is_triton or pod.mode != "Standard":
        return
    grace = service["spec"]["predictor"].get("terminationGracePeriodSeconds", 30)
    hook = pod.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    exit_seconds = int(pod.flag("exit-timeout-secs") or 30)
    if hook < 1 or hook + exit_seconds >= grace:
        found = f"{hook}, {exit_seconds}, {grace}"
        yield f"expected preStop + --exit-timeout-secs < grace period, found {found}"
