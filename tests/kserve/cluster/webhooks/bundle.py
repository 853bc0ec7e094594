"""Objects that are applied together, and the pod that KServe makes of a service and its runtime."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.kserve.cluster.controller import Cluster

Object = dict[str, Any]

MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER = "serving.kserve.io/autoscalerClass"
GPU_TYPES = "serving.kserve.io/gpu-resource-types"
CONTAINER = "kserve-container"
MODELS = "/mnt/models"


@dataclass(frozen=True, kw_only=True)
class Pod:
    """An InferenceService's predictor as KServe resolves it.

    Attributes:
        service: the InferenceService.
        runtime: its ServingRuntime, or None where it brings its own containers.
        container: ``kserve-container``, the service's values laid over the runtime's: lists of
            arguments joined, the rest by name (kserve v0.20.0
            pkg/controller/v1beta1/inferenceservice/utils/utils.go, MergeRuntimeContainers).
        volumes: of the pod, by name.
        mode: ``Standard`` or ``Knative``; empty where the annotation is missing.
    """

    service: Object
    runtime: Object | None
    container: Object
    volumes: Mapping[str, Object] = field(default_factory=dict)
    mode: str = ""

    @property
    def model(self) -> Object:
        """The predictor's ``model``, or an empty one."""
        return self.service["spec"]["predictor"].get("model") or {}

    @property
    def arguments(self) -> list[str]:
        """Command and arguments, in the order in which they reach the process."""
        return [*self.container.get("command", ()), *self.container.get("args", ())]

    @property
    def is_triton(self) -> bool:
        """Whether the process is tritonserver, or becomes it."""
        return "tritonserver" in self.arguments

    def flag(self, name: str) -> str | None:
        """The value of ``--name=value``: the last one, which Triton keeps."""
        values = self.flags(name)
        return values[-1] if values else None

    def flags(self, name: str) -> list[str]:
        """Every value of a flag that may come more than once."""
        return [each.split("=", 1)[1] for each in self.arguments if each.startswith(f"--{name}=")]

    def mounted(self, path: str) -> Object | None:
        """The volume whose mount holds a path, the deepest one."""
        found = [
            mount
            for mount in self.container.get("volumeMounts", ())
            if path == mount["mountPath"] or path.startswith(mount["mountPath"].rstrip("/") + "/")
        ]
        if not found:
            return None
        deepest = max(found, key=lambda mount: len(mount["mountPath"]))
        return self.volumes.get(deepest["name"])

    def annotation(self, key: str) -> str | None:
        """An annotation that reaches the pod: the predictor's own, or else the service's."""
        predictor = self.service["spec"]["predictor"].get("annotations", {})
        own = self.service["metadata"].get("annotations", {})
        runtime = (self.runtime or {}).get("spec", {}).get("annotations", {})
        value = predictor.get(key, own.get(key, runtime.get(key)))
        return None if value is None else str(value)


class Bundle:
    """Objects that are applied together."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = list(objects)
        self._pods: dict[int, Pod] = {}

    @cached_property
    def cluster(self) -> Cluster:
        """What controllers make of the objects."""
        return Cluster(self.objects)

    def of_kind(self, *kinds: str) -> Iterator[Object]:
        """The objects of some kinds."""
        return (each for each in self.objects if each["kind"] in kinds)

    def runtime(self, service: Object) -> Object | None:
        """The namespaced ServingRuntime that a service names."""
        name = (service["spec"]["predictor"].get("model") or {}).get("runtime")
        namespace = service["metadata"].get("namespace")
        for each in self.of_kind("ServingRuntime"):
            metadata = each["metadata"]
            if metadata["name"] == name and metadata.get("namespace") == namespace:
                return each
        return None

    def pods(self) -> Iterator[Pod]:
        """The predictors of all InferenceServices."""
        return (self.pod(each) for each in self.of_kind("InferenceService"))

    def pod(self, service: Object) -> Pod:
        """A service's predictor, resolved; once, since most rules ask for it."""
        if id(service) not in self._pods:
            self._pods[id(service)] = self._resolved(service)
        return self._pods[id(service)]

    def _resolved(self, service: Object) -> Pod:
        predictor = service["spec"]["predictor"]
        runtime = self.runtime(service)
        spec = runtime["spec"] if runtime else {}
        base = _main(spec.get("containers", ()))
        own = predictor.get("model") or _main(predictor.get("containers", ()))
        volumes = [*spec.get("volumes", ()), *predictor.get("volumes", ())]
        return Pod(
            service=service,
            runtime=runtime,
            container=_merged(base, own),
            volumes={each["name"]: each for each in volumes},
            mode=service["metadata"].get("annotations", {}).get(MODE, ""),
        )


def _main(containers: Iterable[Object]) -> Object:
    return next((each for each in containers if each.get("name") == CONTAINER), {})


def _merged(base: Object, own: Object) -> Object:
    result = copy.deepcopy({**base, **own})
    result["args"] = [*base.get("args", ()), *own.get("args", ())]
    for key, identity in (("env", "name"), ("volumeMounts", "mountPath")):
        items = {each[identity]: each for each in (*base.get(key, ()), *own.get(key, ()))}
        result[key] = list(items.values())
    if "resources" in base and "resources" in own:
        result["resources"] = {
            kind: {**base["resources"].get(kind, {}), **own["resources"].get(kind, {})}
            for kind in ("limits", "requests")
        }
    return result
