"""What the InferenceService webhook refuses of scaling."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import AUTOSCALER, MODE, Bundle, Object
from tests.kserve.cluster.webhooks.kserve.inferenceservice import KIND, components
from tests.kserve.cluster.webhooks.rule import ISV, KSERVE, rule

PERCENT = "averageUtilization"
CLASSES = ("hpa", "keda", "external", "none")


@rule("explicit mode", KIND, source=f"{KSERVE} config/configmap/inferenceservice.yaml deploy")
def mode(service: Object, _: Bundle) -> Iterator[str]:
    """The cluster's default differs by how KServe was installed, so the mode is always named."""
    found = _annotation(service, MODE)
    if found not in ("Standard", "Knative"):
        yield f"annotation {MODE}: expected Standard or Knative, found {found or 'none'}"


@rule("autoscaler class", KIND, source=f"{ISV} validateInferenceServiceAutoscaler")
def autoscaler_class(service: Object, _: Bundle) -> Iterator[str]:
    """``kpa`` is refused too."""
    found = _annotation(service, AUTOSCALER)
    if found is not None and found not in CLASSES:
        yield f"annotation {AUTOSCALER}: expected one of {', '.join(CLASSES)}, found {found}"


@rule("KEDA metrics", KIND, source=f"{ISV} validateScalingKedaCompExtension")
def keda(service: Object, _: Bundle) -> Iterator[str]:
    """No ``scaleMetric``; a query and a value for what is outside, utilization for the CPU."""
    if _annotation(service, MODE) != "Standard" or _annotation(service, AUTOSCALER) != "keda":
        return
    for where, each in components(service):
        if "scaleMetric" in each:
            yield f"spec.{where}.scaleMetric: expected none with KEDA"
        for metric in (each.get("autoScaling") or {}).get("metrics", ()):
            yield from _keda_metric(metric, f"spec.{where}.autoScaling.metrics")


def _keda_metric(metric: Object, where: str) -> Iterator[str]:
    kind = metric["type"]
    source = metric.get({"PodMetric": "podmetric"}.get(kind, kind.lower()))
    if source is None:
        yield f"{where}: expected the source of a {kind} metric, found none"
    elif kind == "Resource":
        target = source["target"].get("type")
        allowed = ("Utilization",) if source["name"] == "cpu" else ("Utilization", "AverageValue")
        if target not in allowed:
            names = " or ".join(allowed)
            yield f"{where}: {source['name']}: expected target {names}, found {target}"
        elif target == "Utilization" and source["target"].get(PERCENT) not in range(1, 101):
            yield f"{where}: {source['name']}: expected averageUtilization from 1 to 100"
    else:
        if not source["metric"].get("query"):
            yield f"{where}: expected a query, found none"
        if source["target"].get("value") is None:
            yield f"{where}: expected target.value, found none"


@rule("HPA metrics", KIND, source=f"{ISV} validateScalingHPACompExtension")
def hpa(service: Object, _: Bundle) -> Iterator[str]:
    """CPU and memory alone. Without the class, Standard mode means HPA too, unasked."""
    if _annotation(service, MODE) != "Standard" or _annotation(service, AUTOSCALER) != "hpa":
        return
    for where, each in components(service):
        if each.get("scaleMetric", "cpu") not in ("cpu", "memory"):
            yield f"spec.{where}.scaleMetric: expected cpu or memory, found {each['scaleMetric']}"
        kinds = [metric["type"] for metric in (each.get("autoScaling") or {}).get("metrics", ())]
        if set(kinds) - {"Resource"}:
            yield f"spec.{where}.autoScaling.metrics: expected Resource, found {', '.join(kinds)}"


@rule(
    "no HPA by accident",
    KIND,
    source=f"{KSERVE} pkg/controller/v1beta1/inferenceservice/reconcilers/autoscaler",
)
def no_accidental_hpa(service: Object, _: Bundle) -> Iterator[str]:
    """Standard mode without a class makes an HPA at 80 % of CPU, which says nothing of a GPU."""
    if _annotation(service, MODE) == "Standard" and _annotation(service, AUTOSCALER) is None:
        yield f"annotation {AUTOSCALER}: expected one of {', '.join(CLASSES)}, found none"


@rule("Knative's scale metrics", KIND, source=f"{ISV} validateScalingKPACompExtension")
def knative(service: Object, _: Bundle) -> Iterator[str]:
    """Outside Standard mode: concurrency and rps alone, and no ``deploymentStrategy``."""
    if _annotation(service, MODE) == "Standard":
        return
    for where, each in components(service):
        if each.get("scaleMetric", "concurrency") not in ("concurrency", "rps"):
            yield f"spec.{where}.scaleMetric: expected concurrency or rps"
        if "deploymentStrategy" in each:
            yield f"spec.{where}.deploymentStrategy: expected none outside Standard mode"


def _annotation(service: Object, key: str) -> str | None:
    value = service["metadata"].get("annotations", {}).get(key)
    return None if value is None else str(value)
