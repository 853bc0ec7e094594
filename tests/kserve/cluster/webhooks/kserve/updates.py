"""What is refused of changes to objects that are there already."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import MODE, Object
from tests.kserve.cluster.webhooks.kserve.llmisvc import LLM
from tests.kserve.cluster.webhooks.kserve.servingruntime import KINDS, WEBHOOK
from tests.kserve.cluster.webhooks.rule import ISV, update_rule


@update_rule("mode stays", "InferenceService", source=f"{ISV} validateDeploymentMode")
def mode(old: Object, new: Object) -> Iterator[str]:
    """The deployment mode is fixed once the service's status has it."""
    was = old.get("status", {}).get("deploymentMode")
    now = new["metadata"].get("annotations", {}).get(MODE)
    if was and now and was != now:
        yield f"annotation {MODE}: expected {was}, found {now}; make another service"


@update_rule("predictor's name", "InferenceService", source=f"{ISV} validatePredictorNameChange")
def predictor_name(old: Object, new: Object) -> Iterator[str]:
    """The predictor's name changes with its model, or not at all."""
    before, after = old["spec"]["predictor"], new["spec"]["predictor"]
    same = _uri(before) == _uri(after)
    if before.get("name") != after.get("name") and same:
        yield "spec.predictor.name: expected another storageUri with another name"


def _uri(predictor: Object) -> str:
    return str((predictor.get("model") or {}).get("storageUri", ""))


@update_rule("workers stay", *KINDS, source=f"{WEBHOOK} validateMultiNodeSpec")
def workers(old: Object, new: Object) -> Iterator[str]:
    """A runtime's ``workerSpec`` is not removed."""
    if old["spec"].get("workerSpec") and not new["spec"].get("workerSpec"):
        yield "spec.workerSpec: expected it to stay"


@update_rule(
    "llm: parallelism stays", "LLMInferenceService", source=f"{LLM} validateImmutableParallelism"
)
def parallelism(old: Object, new: Object) -> Iterator[str]:
    """The number of nodes of a workload is fixed."""
    for part in ("spec", "prefill"):
        before, after = (
            each["spec"] if part == "spec" else each["spec"].get("prefill") for each in (old, new)
        )
        if before is not None and after is not None and _size(before) != _size(after):
            yield f"{part}.parallelism: expected a size of {_size(before)}, found {_size(after)}"


def _size(workload: Object) -> int:
    found = workload.get("parallelism") or {}
    if found.get("data") and found.get("dataLocal"):
        return math.ceil(int(found["data"]) / int(found["dataLocal"]))
    return int(found.get("pipeline") or 1)
