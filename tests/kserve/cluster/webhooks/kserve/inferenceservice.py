"""What the InferenceService webhook refuses, scaling and several nodes aside."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import Bundle, Object
from tests.kserve.cluster.webhooks.rule import ISV, KSERVE, rule

KIND = "InferenceService"
COMPONENT = f"{KSERVE} pkg/apis/serving/v1beta1/component.go"
IMPLEMENTATIONS = (
    *("model", "sklearn", "xgboost", "tensorflow", "pytorch", "triton", "onnx", "huggingface"),
    *("pmml", "lightgbm", "paddle", "containers", "art"),
)
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def components(service: Object) -> Iterator[tuple[str, Object]]:
    """The components of a service, each with its name."""
    for name in ("predictor", "transformer", "explainer"):
        if name in service["spec"]:
            yield name, service["spec"][name]


@rule("service name", KIND, source=f"{ISV} validateInferenceServiceName")
def name(service: Object, _: Bundle) -> Iterator[str]:
    """No underscores, no leading digit."""
    found = service["metadata"]["name"]
    if not _NAME.fullmatch(found):
        yield f"name: expected {_NAME.pattern}, found {found}"


@rule("one implementation", KIND, source=f"{COMPONENT} validateExactlyOneImplementation")
def one_implementation(service: Object, _: Bundle) -> Iterator[str]:
    """A predictor, and a canary's, is one model or containers of its own."""
    every = [*components(service)]
    every += [("canary", each["predictor"]) for each in service["spec"].get("canary", ())]
    for where, component in every:
        found = [each for each in IMPLEMENTATIONS if component.get(each)]
        if len(found) != 1:
            yield f"spec.{where}: expected one implementation, found {', '.join(found) or 'none'}"


@rule("model has no name", KIND, source=f"{ISV} validatePredictor")
def no_name(service: Object, _: Bundle) -> Iterator[str]:
    """A model is a container whose name KServe sets."""
    if (service["spec"]["predictor"].get("model") or {}).get("name"):
        yield "spec.predictor.model.name: expected none"


@rule(
    "no PYTHONPATH",
    KIND,
    "ServingRuntime",
    "ClusterServingRuntime",
    source=f"{KSERVE} pkg/validation/env_policy.go ValidateBlockedEnvVars",
)
def no_pythonpath(manifest: Object, _: Bundle) -> Iterator[str]:
    """PYTHONPATH is refused in every container; put libraries into the image."""
    for where, container in _containers(manifest["spec"], "spec"):
        if any(each.get("name") == "PYTHONPATH" for each in container.get("env", ())):
            yield f"{where}.env: expected no PYTHONPATH"


def _containers(node: object, where: str) -> Iterator[tuple[str, Object]]:
    if isinstance(node, dict):
        if "env" in node:
            yield where, node
        for key, value in node.items():
            yield from _containers(value, f"{where}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _containers(value, f"{where}[{index}]")


@rule("one way of storage", KIND, source=f"{ISV} validateMultipleStorageURIs")
def one_storage(service: Object, _: Bundle) -> Iterator[str]:
    """Either ``model.storageUri`` or ``storageUris``."""
    predictor = service["spec"]["predictor"]
    if "storageUris" in predictor and (predictor.get("model") or {}).get("storageUri"):
        yield "spec.predictor: expected storageUri or storageUris, found both"


@rule("storageUris' paths", KIND, source=f"{ISV} validateMultipleStorageURIsSpec")
def storage_paths(service: Object, _: Bundle) -> Iterator[str]:
    """Absolute, without dots, below one parent; those of volume claims differ."""
    uris = service["spec"]["predictor"].get("storageUris", ())
    shared: list[str] = []
    claims: list[str] = []
    for each in uris:
        path = each.get("mountPath", "/mnt/models")
        if not each.get("uri"):
            yield "spec.predictor.storageUris: expected a uri, found none"
        if not path.startswith("/") or path == "/" or ".." in path:
            yield f"spec.predictor.storageUris: expected an absolute path, found {path}"
            return
        (claims if each.get("uri", "").startswith("pvc://") else shared).append(path)
    if len(shared) > 1 and posixpath.commonpath(shared) == "/":
        yield f"spec.predictor.storageUris: expected a common parent, found {', '.join(shared)}"
    # Upstream looks at claims only beside two other URIs; the pod would be refused all the same.
    if len(claims) != len(set(claims)):
        yield f"spec.predictor.storageUris: one path twice: {', '.join(claims)}"


@rule("replicas", KIND, source=f"{COMPONENT} validateReplicas, validateContainerConcurrency")
def replicas(service: Object, _: Bundle) -> Iterator[str]:
    """Bounds of replicas in order, nothing negative."""
    for where, each in components(service):
        least, most = each.get("minReplicas", 1), each.get("maxReplicas", 0)
        if least < 0 or most < 0 or least > most > 0:
            yield f"spec.{where}: expected 0 <= minReplicas <= maxReplicas, found {least}, {most}"
        if each.get("containerConcurrency", 0) < 0:
            yield f"spec.{where}.containerConcurrency: expected 0 or more"


@rule("logger", KIND, source=f"{COMPONENT} validateLogger")
def logger(service: Object, _: Bundle) -> Iterator[str]:
    """A known mode; storage with path, parameters and key."""
    for where, each in components(service):
        if "logger" not in each:
            continue
        if each["logger"].get("mode") not in ("all", "request", "response"):
            yield f"spec.{where}.logger.mode: expected all, request or response"
        storage = each["logger"].get("storage")
        if storage is not None and not {"path", "parameters", "key"} <= storage.keys():
            yield f"spec.{where}.logger.storage: expected path, parameters and key"
