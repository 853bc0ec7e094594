"""Rendered objects, and the pods that controllers make of them, by their labels."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Labels = Mapping[str, str]

PREFIX = "triton-multimodal-kit"
SERVES = f"{PREFIX}/serves"
REPOSITORY = "repository"
"""The value of ``SERVES`` on what serves the model repository."""

IDLE = f"{PREFIX}/idle-without"
"""The annotation of what may select nothing: what it is for."""

CLUSTER_WIDE = frozenset(
    {"Namespace", "ClusterStorageContainer", "LocalModelCache", "LocalModelNodeGroup"}
)


def label(manifest: Object) -> str:
    """``Kind/name``, for sentences."""
    return f"{manifest.get('kind', '?')}/{name(manifest)}"


def name(manifest: Object) -> str:
    """An object's name."""
    return str((manifest.get("metadata") or {}).get("name", "?"))


def noted(manifest: Object) -> Mapping[str, str]:
    """An object's annotations."""
    return (manifest.get("metadata") or {}).get("annotations") or {}


def labels(manifest: Object) -> Labels:
    """An object's labels."""
    return (manifest.get("metadata") or {}).get("labels") or {}


@dataclass(frozen=True)
class Predictor:
    """A predictor of an InferenceService: the stable one, or a canary laid over it.

    Attributes:
        service: whose it is.
        spec: as KServe resolves it (kserve v0.20.0 components/predictor.go, buildCanaryPredictor).
        canary: whether it is a canary.
    """

    service: Object
    spec: Object
    canary: bool = False

    @property
    def where(self) -> str:
        """Its service, for sentences."""
        return label(self.service) + (f", canary {self.spec.get('name')}" if self.canary else "")

    @property
    def uri(self) -> str:
        """``model.storageUri``; empty if there is none."""
        return str((self.spec.get("model") or {}).get("storageUri") or "")


class Rendered:
    """Objects that are applied together."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = [each for each in objects if each]

    def of(self, *kinds: str) -> Iterator[Object]:
        """The objects of some kinds."""
        return (each for each in self.objects if each.get("kind") in kinds)

    def names(self, kind: str) -> set[str]:
        """The names of a kind's objects."""
        return {name(each) for each in self.of(kind)}

    def named(self, kind: str, wanted: object) -> Object | None:
        """The object of a kind and a name."""
        return next((each for each in self.of(kind) if name(each) == wanted), None)

    @property
    def namespace(self) -> str:
        """The namespace that most objects are in; empty if none is named."""
        found = [
            str(each["metadata"]["namespace"])
            for each in self.objects
            if each.get("kind") not in CLUSTER_WIDE and each["metadata"].get("namespace")
        ]
        return max(found, key=found.count, default="")

    def predictors(self) -> Iterator[Predictor]:
        """Every predictor of every InferenceService."""
        for service in self.of("InferenceService"):
            stable = service["spec"].get("predictor") or {}
            yield Predictor(service, stable)
            for each in service["spec"].get("canary") or ():
                yield Predictor(service, _over(stable, each["predictor"]), canary=True)

    def repository_services(self) -> Iterator[Object]:
        """The InferenceServices that serve the model repository, by their label."""
        found = self.of("InferenceService")
        return (each for each in found if labels(each).get(SERVES) == REPOSITORY)

    def pods(self) -> Iterator[Labels]:
        """The labels of every pod that the objects lead to.

        Sources: kserve v0.20.0 components/predictor.go buildObjectMeta,
        inferencegraph/raw_ig.go, llmisvc/workload_single_node.go, workload_multi_node.go and
        scheduler.go SchedulerLabels; lws v0.8 pkg/utils/pod; opentelemetry-operator v0.158
        internal/manifests/manifestutils/labels.go.
        """
        for each in self.objects:
            kind, own = each.get("kind"), name(each)
            if kind == "InferenceService":
                yield self.predictor_labels(each)
            elif kind == "InferenceGraph":
                yield {**labels(each), "serving.kserve.io/inferencegraph": own}
            elif kind == "LLMInferenceService":
                yield from _llm_labels(each)
            elif kind == "Deployment":
                yield each["spec"]["template"]["metadata"]["labels"]
            elif kind == "OpenTelemetryCollector":
                yield {"app.kubernetes.io/name": f"{own}-collector"}

    def predictor_labels(self, service: Object) -> Labels:
        """The labels of a service's own pods."""
        predictor = service["spec"].get("predictor") or {}
        runtime = self.named("ServingRuntime", (predictor.get("model") or {}).get("runtime"))
        return {
            **((runtime or {}).get("spec", {}).get("labels") or {}),
            **labels(service),
            **(predictor.get("labels") or {}),
            "serving.kserve.io/inferenceservice": name(service),
            "component": "predictor",
            "app": f"isvc.{name(service)}-predictor",
        }


def _over(stable: Object, canary: Object) -> Object:
    """A canary laid over the stable predictor: its values win, lists are replaced."""
    result = copy.deepcopy(stable)
    for key, value in canary.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _over(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def _llm_labels(service: Object) -> Iterator[Labels]:
    common = {
        "app.kubernetes.io/name": name(service),
        "app.kubernetes.io/part-of": "llminferenceservice",
    }
    several = "worker" in service["spec"]
    part = "llminferenceservice-workload" + ("-leader" if several else "")
    workload = {
        **common,
        "app.kubernetes.io/component": part,
        "kserve.io/component": "workload",
    }
    yield {**workload, **({"leaderworkerset.sigs.k8s.io/name": name(service)} if several else {})}
    if "scheduler" in (service["spec"].get("router") or {}):
        yield {**common, "app.kubernetes.io/component": "llminferenceservice-router-scheduler"}


def selects(selector: Mapping[str, Any], pod: Labels) -> bool:
    """Whether a label selector matches a pod; an empty one matches every pod."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if pod.get(key) != value:
            return False
    for each in selector.get("matchExpressions") or ():
        found, values = pod.get(each["key"]), each.get("values") or ()
        matched = {
            "Exists": found is not None,
            "DoesNotExist": found is None,
            "In": found in values,
            "NotIn": found not in values,
        }[each["operator"]]
        if not matched:
            return False
    return True
