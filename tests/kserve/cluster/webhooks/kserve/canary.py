"""What the InferenceService webhook refuses of a canary."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import MODE, Bundle, Object
from tests.kserve.cluster.webhooks.rule import ISV, KSERVE, rule

KIND = "InferenceService"
CANARY = f"{ISV} validateCanarySpecs"
FIXED = ("workerSpec", "maxReplicas", "scaleTarget", "scaleMetric", "autoScaling")


@rule("canary: mode", KIND, source=CANARY)
def mode(service: Object, _: Bundle) -> Iterator[str]:
    """``spec.canary`` is Standard mode's, beside a stable predictor with a model."""
    if not service["spec"].get("canary"):
        return
    found = service["metadata"].get("annotations", {}).get(MODE)
    if found != "Standard":
        yield f"spec.canary: expected Standard mode, found {found or 'none'}"
    if not service["spec"]["predictor"].get("model"):
        yield "spec.canary: expected a stable predictor with a model"


@rule("canary: names and shares", KIND, source=CANARY)
def shares(service: Object, _: Bundle) -> Iterator[str]:
    """Each canary has a name of its own; the shares are of 100."""
    canaries = service["spec"].get("canary", ())
    names = [each["predictor"].get("name") for each in canaries]
    taken = [service["spec"]["predictor"].get("name") or ""]
    for found in names:
        if not found or found in taken:
            yield f"spec.canary: expected a predictor.name of its own, found {found or 'none'}"
        taken.append(found)
    percents = [each.get("trafficPercent", 0) for each in canaries]
    if any(each < 0 for each in percents) or sum(percents) > 100:
        yield f"spec.canary: expected shares of 100 at most, found {percents}"


@rule("canary: fixed replicas", KIND, source=CANARY)
def fixed(service: Object, _: Bundle) -> Iterator[str]:
    """No scaling, no workers, no more replicas than the stable predictor."""
    for each in service["spec"].get("canary", ()):
        if found := [key for key in FIXED if key in each["predictor"]]:
            yield f"spec.canary: expected fixed replicas, found {', '.join(found)}"
        least = service["spec"]["predictor"].get("minReplicas", 1)
        if each["predictor"].get("minReplicas", 0) > least:
            yield f"spec.canary: expected at most {least} replicas, as the stable predictor"


@rule(
    "canary: storage",
    KIND,
    source=f"{KSERVE} pkg/controller/v1beta1/inferenceservice: the canary gets nil storageUris",
)
def storage(service: Object, _: Bundle) -> Iterator[str]:
    """Storage of a canary comes by ``model.storageUri`` alone."""
    for each in service["spec"].get("canary", ()):
        if not (each["predictor"].get("model") or {}).get("storageUri"):
            yield "spec.canary: expected model.storageUri, found none"


@rule("canary: share in Knative mode", KIND, source="kserve/kserve#5335")
def percent(service: Object, _: Bundle) -> Iterator[str]:
    """``canaryTrafficPercent`` is silently ignored in Standard mode."""
    found = service["metadata"].get("annotations", {}).get(MODE)
    if found == "Standard" and "canaryTrafficPercent" in service["spec"]["predictor"]:
        yield "spec.predictor.canaryTrafficPercent: expected none in Standard mode"
