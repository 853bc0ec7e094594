"""Rules for a multi-model Triton behind KServe, 15 to 17: metrics, scaling, formats."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.kserve.cluster.controller import selects
from tests.kserve.cluster.webhooks.bundle import Bundle, Object
from tests.kserve.cluster.webhooks.rule import KSERVE, rule
from tests.kserve.cluster.webhooks.triton.repository import kinds

KIND = "InferenceService"
SCRAPING = "serving.kserve.io/enable-prometheus-scraping"
AGGREGATION = "serving.kserve.io/enable-metric-aggregation"
SELECTOR = "serving.kserve.io/inferenceservice"
QUEUES = ("nv_inference_pending_request_count", "nv_inference_queue_duration_us")
_STRING = r'"(?:[^"\\]|\\.)*"'
_SELECTED = re.compile(rf"(?:(nv_\w+)\s*)?\{{((?:[^}}\"]|{_STRING})*)\}}|(nv_\w+)")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


@rule(
    "15 metrics", KIND, source=f"{KSERVE} pkg/webhook/admission/pod/metrics_aggregate_injector.go"
)
def metrics(service: Object, bundle: Bundle) -> Iterator[str]:
    """Standard mode: scraping by annotation points at a port where nothing listens."""
    pod = bundle.pod(service)
    if not pod.is_triton:
        return
    if pod.mode == "Standard":
        for key in (SCRAPING, AGGREGATION):
            if pod.annotation(key) == "true":
                yield f"annotation {key}: expected none in Standard mode; use a PodMonitor"
    for flag in ("http-address", "metrics-address"):
        if (pod.flag(flag) or "0.0.0.0") not in ("0.0.0.0", "::"):
            yield f"--{flag}: expected 0.0.0.0, where metrics are read; found {pod.flag(flag)}"
    if "--allow-metrics=false" in pod.arguments:
        yield "--allow-metrics: expected true"


@rule("15 PodMonitor", "PodMonitor", source="prometheus-operator: undeclared ports are dropped")
def pod_monitor(monitor: Object, bundle: Bundle) -> Iterator[str]:
    """It selects services' pods by KServe's label, and a port that they declare.

    Pods of a Deployment that is applied have neither.
    """
    selector = monitor["spec"]["selector"]
    for each in bundle.of_kind("Deployment"):
        if selects(selector, each["spec"]["template"]["metadata"]["labels"]):
            return
    keys = {*selector.get("matchLabels", {})}
    keys |= {each["key"] for each in selector.get("matchExpressions", ())}
    if SELECTOR not in keys:
        yield f"spec.selector: expected the label {SELECTOR}, found {sorted(keys)}"
    declared = {
        port.get("name") for pod in bundle.pods() for port in pod.container.get("ports", ())
    }
    for each in monitor["spec"].get("podMetricsEndpoints", ()):
        if declared and each.get("port") not in declared:
            yield f"podMetricsEndpoints: expected one of {sorted(declared)}, found {each}"


@rule("16 what to scale on", KIND, "ScaledObject", source="triton docs/user_guide/metrics.md")
def scaling(manifest: Object, _: Bundle) -> Iterator[str]:
    """Queues of composing models: an ensemble is never pending. By namespace and pod."""
    for query in _queries(manifest):
        selected = list(_selected(query))
        names = {name for name, _ in selected if name.startswith("nv_")}
        if names and not names & {*QUEUES}:
            yield f"query: expected {' or '.join(QUEUES)}, found {', '.join(sorted(names))}"
        for name, matchers in selected:
            if name not in QUEUES:
                continue
            if absent := {"namespace", "pod"} - matchers.keys():
                yield f"query: expected a filter by {' and '.join(sorted(absent))} in {name}"
            if not _composing(matchers.get("model")):
                yield f"query: expected composing models in {name}, found ensembles alone"


def _selected(query: str) -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """The series that a query asks for, each with its matchers: label, operator and value."""
    for before, inside, bare in _SELECTED.findall(query):
        matchers = {key: (operator, value) for key, operator, value in _MATCHER.findall(inside)}
        _, named = matchers.get("__name__", ("", before or bare))
        for name in named.split("|"):
            yield name, matchers


def _composing(matcher: tuple[str, str] | None) -> bool:
    """Whether a label's matcher lets any model through that has a queue of its own."""
    if matcher is None:
        return True
    operator, value = matcher
    for name, kind in kinds().items():
        matched = bool(re.fullmatch(value, name)) if "~" in operator else name == value
        if kind != "ensemble" and matched != operator.startswith("!"):
            return True
    return False


def _queries(manifest: Object) -> Iterator[str]:
    if manifest["kind"] == "ScaledObject":
        for each in manifest["spec"]["triggers"]:
            yield str(each["metadata"].get("query", ""))
        return
    for each in (manifest["spec"]["predictor"].get("autoScaling") or {}).get("metrics", ()):
        for source in ("external", "podmetric"):
            yield str((each.get(source) or {}).get("metric", {}).get("query", ""))


@rule("17 formats", "ServingRuntime", source=f"{KSERVE} config/runtimes/kserve-tritonserver.yaml")
def formats(runtime: Object, _: Bundle) -> Iterator[str]:
    """No TensorRT 8 in current images; a runtime of ours is chosen by name, never by itself."""
    for each in runtime["spec"].get("supportedModelFormats", ()):
        if each["name"] == "tensorrt" and each.get("version") == "8":
            yield "supportedModelFormats: expected no TensorRT 8, which no image loads now"
        if each.get("autoSelect"):
            yield f"supportedModelFormats: expected autoSelect false, found true for {each['name']}"


@rule("17 runtime by name", KIND, source=f"{KSERVE} servingruntime_webhook.go: scopes differ")
def by_name(service: Object, _: Bundle) -> Iterator[str]:
    """A namespaced runtime is not compared with the cluster's; the service names it."""
    model = service["spec"]["predictor"].get("model")
    if model is not None and not model.get("runtime"):
        yield "model.runtime: expected a name, found none"
