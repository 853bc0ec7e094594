"""The patches of a values file, by JSON 6902: a strategic merge replaces lists of custom kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from builders.bundle.parts import TRITON, Object
from builders.bundle.values import Values

SLICE = "1g.10gb"
"""The slice that the component ``mig`` asks for; another one is a patch after it."""


def patches(values: Values, services: Mapping[str, Sequence[Object]]) -> Iterator[Object]:
    """What an overlay changes after its components, as entries of ``patches``.

    Args:
        values: what is wanted.
        services: service -> its objects, as its base has them.
    """
    for name, manifests in services.items():
        for manifest in manifests:
            if changes := [*_service(values, name, manifest)]:
                yield _patch(manifest["kind"], manifest["metadata"]["name"], changes)
    if values.gpu is not None and values.gpu.slice != SLICE:
        yield _patch("ServingRuntime", TRITON, _slice(values.gpu.slice))


def dump(value: Any) -> str:
    """A value as YAML that is pleasant to read on."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return text


def _service(values: Values, name: str, manifest: Object) -> Iterator[Object]:
    replicas = values.replicas.get(name)
    if replicas is not None and manifest["kind"] == "LLMInferenceService":
        yield _add("/spec/replicas", replicas.min)
    elif replicas is not None:
        yield _add("/spec/predictor/minReplicas", replicas.min)
        if replicas.max is not None:
            yield _add("/spec/predictor/maxReplicas", replicas.max)
    if values.pull_secrets:
        for pod in ("predictor", "template", "worker"):
            if pod in manifest["spec"]:
                secrets = [{"name": each} for each in values.pull_secrets]
                yield _add(f"/spec/{pod}/imagePullSecrets", secrets)


def _slice(name: str) -> list[Object]:
    changes = [{"op": "test", "path": "/spec/containers/0/name", "value": "kserve-container"}]
    for each in ("requests", "limits"):
        place = f"/spec/containers/0/resources/{each}/nvidia.com~1mig-"
        changes += [{"op": "remove", "path": f"{place}{SLICE}"}, _add(f"{place}{name}", "1")]
    place = "/spec/annotations/serving.kserve.io~1gpu-resource-types"
    return [*changes, {"op": "replace", "path": place, "value": f'["nvidia.com/mig-{name}"]'}]


def _add(path: str, value: Any) -> Object:
    """Sets a key of a mapping, whether it is there or not."""
    return {"op": "add", "path": path, "value": value}


def _patch(kind: str, name: str, changes: Sequence[Object]) -> Object:
    return {"target": {"kind": kind, "name": name}, "patch": dump([*changes])}


class _Dumper(yaml.SafeDumper):
    """Indents lists, and writes several lines as a block."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)
