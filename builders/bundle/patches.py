"""The patches of a values file, by JSON 6902: a strategic merge replaces lists of custom kinds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import yaml

from builders.bundle.parts import TRITON, Object, serves_repository, uri_of
from builders.bundle.values import Claim, Repository, Values

SLICE = "1g.10gb"
"""The slice that the component ``mig`` asks for; another one is a patch after it."""


def patches(
    values: Values, services: Mapping[str, Sequence[Object]], components: Collection[str]
) -> Iterator[Object]:
    """What an overlay changes after its components, as entries of ``patches``.

    Args:
        values: what is wanted.
        services: service -> its objects, as its base has them.
        components: what is switched on.
    """
    for name, manifests in services.items():
        for manifest in manifests:
            if changes := [*_service(values, name, manifest, components)]:
                yield _patch(_named(manifest["kind"], manifest["metadata"]["name"]), changes)
    yield from _canary(values.repository, components)
    for claim, given in _claims(values, services).items():
        if changes := [*_claim(claim, given)]:
            renamed = {"options": {"allowNameChange": True}} if given.claim else {}
            yield _patch(_named("PersistentVolumeClaim", claim), changes) | renamed
    if values.repository.bucket:
        yield from _bucket(values.repository, components)
    if values.gateway is not None and "network-policies" in components:
        yield _let_in(values.gateway.name.partition("/")[0])
    if values.gpu is not None and values.gpu.slice != SLICE:
        yield _patch(_named("ServingRuntime", TRITON), _slice(values.gpu.slice))


def dump(value: Any) -> str:
    """A value as YAML that is pleasant to read on."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return text


def _service(
    values: Values, name: str, manifest: Object, components: Collection[str]
) -> Iterator[Object]:
    given = values.repository if serves_repository(manifest) else values.checkpoint
    uri = _uri(given, uri_of(manifest))
    if uri != uri_of(manifest):
        place = "predictor/model/storageUri" if "predictor" in manifest["spec"] else "model/uri"
        yield _replace(f"/spec/{place}", uri)
    if given.claim and serves_repository(manifest) and "verify" in components:
        # The claim is mounted once more where it is verified.
        place = "/spec/predictor/volumes/1"
        yield _test(f"{place}/name", "repository-to-verify")
        yield _replace(f"{place}/persistentVolumeClaim/claimName", given.claim)
        place = "/spec/predictor/initContainers/0"
        yield _test(f"{place}/name", "verify")
        yield _replace(f"{place}/args/1", f"--mounted={given.claim}=/mnt/model-repository")
    replicas = values.replicas.get(name)
    if replicas is not None and manifest["kind"] == "LLMInferenceService":
        yield _add("/spec/replicas", replicas.min)
    elif replicas is not None:
        yield _add("/spec/predictor/minReplicas", replicas.min)
        if replicas.max is not None:
            yield _add("/spec/predictor/maxReplicas", replicas.max)


def _uri(given: Claim, base: str) -> str:
    """Where a service's model is.

    Args:
        given: what the values say.
        base: ``pvc://claim/folder``, as the service's base has it.
    """
    claim, _, folder = base.removeprefix("pvc://").partition("/")
    if isinstance(given, Repository) and given.bucket:
        return f"{given.bucket}/{given.folder or folder}"
    return f"pvc://{given.claim or claim}/{given.folder or folder}"


def _canary(given: Repository, components: Collection[str]) -> Iterator[Object]:
    """The next repository stays beside the one that serves."""
    if "canary" in components and (given.bucket or given.claim):
        target = {
            "kind": "InferenceService",
            "annotationSelector": "triton-multimodal-kit/canary",
        }
        root = given.bucket or f"pvc://{given.claim}"
        place = "/spec/canary/0/predictor/model/storageUri"
        yield _patch(target, [_replace(place, f"{root}/next")])


def _claims(values: Values, services: Mapping[str, Sequence[Object]]) -> dict[str, Claim]:
    """The claims of the bases that the overlay makes, and what the values say of them."""
    found: dict[str, Claim] = {}
    for manifest in (each for manifests in services.values() for each in manifests):
        given = values.repository if serves_repository(manifest) else values.checkpoint
        if not given.existing and not getattr(given, "bucket", None):
            found[uri_of(manifest).removeprefix("pvc://").partition("/")[0]] = given
    return found


def _claim(name: str, given: Claim) -> Iterator[Object]:
    if given.claim and given.claim != name:
        yield _replace("/metadata/name", given.claim)
    if given.access_mode:
        yield _replace("/spec/accessModes", [given.access_mode])
    if given.size:
        yield _replace("/spec/resources/requests/storage", given.size)
    if given.storage_class:
        yield _add("/spec/storageClassName", given.storage_class)


def _bucket(given: Repository, components: Collection[str]) -> Iterator[Object]:
    """What pulls from the bucket, which KServe finds by the beginning of a service's URI."""
    target = _named("ClusterStorageContainer", "model-repository.*")
    yield _patch(target, [_replace("/spec/supportedUriFormats/0/prefix", f"{given.bucket}/")])
    if "model-cache" in components:
        uri = f"{given.bucket}/{given.folder or 'models'}"
        yield _patch({"kind": "LocalModelNamespaceCache"}, [_replace("/spec/sourceModelUri", uri)])


def _let_in(namespace: str) -> Object:
    """Requests from the Gateway's namespace, where many gateways have their proxies."""
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    return _patch(_named("NetworkPolicy", "from-gateway"), [_add("/spec/ingress/0/from/-", peer)])


def _slice(name: str) -> list[Object]:
    changes = [_test("/spec/containers/0/name", "kserve-container")]
    for each in ("requests", "limits"):
        place = f"/spec/containers/0/resources/{each}/nvidia.com~1mig-"
        changes += [{"op": "remove", "path": f"{place}{SLICE}"}, _add(f"{place}{name}", "1")]
    place = "/spec/annotations/serving.kserve.io~1gpu-resource-types"
    return [*changes, _replace(place, f'["nvidia.com/mig-{name}"]')]


def _add(path: str, value: Any) -> Object:
    """Sets a key of a mapping, whether it is there or not."""
    return {"op": "add", "path": path, "value": value}


def _replace(path: str, value: Any) -> Object:
    return {"op": "replace", "path": path, "value": value}


def _test(path: str, value: Any) -> Object:
    """Lets kustomize refuse what follows where something else is there."""
    return {"op": "test", "path": path, "value": value}


def _named(kind: str, name: str) -> Object:
    return {"kind": kind, "name": name}


def _patch(target: Object, changes: Sequence[Object]) -> Object:
    return {"target": target, "patch": dump([*changes])}


class _Dumper(yaml.SafeDumper):
    """Indents lists, and writes several lines as a block."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_AMBIGUOUS = re.compile(
    r"[-+.]?[0-9].*|[-+]?\.(inf|nan)|~|y|n|yes|no|on|off|true|false|null", re.IGNORECASE
)
"""Words that some reader of YAML, Go's too, takes for a number, a date, a boolean or nothing."""


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else '"' if _AMBIGUOUS.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)
