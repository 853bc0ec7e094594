"""Writes a values file as the overlay that its author would write by hand.

Kustomize does the rest: nothing here makes or changes an object. For other services than the
overlay's, its kustomization needs other resources. So it is written out with the files that it
names; everything else in ``kserve/`` is named in its place.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from builders.bundle.parts import (
    FILE,
    Object,
    Parts,
    documents,
    kustomization,
    objects,
    serves_repository,
    uri_of,
)
from builders.bundle.patches import dump, patches
from builders.bundle.values import Values

_HEAD = "# Written by tmk manifests.\n"
_IMAGES = "images.yaml"
_MIRROR = "mirror.yaml"
CLAIM = "PersistentVolumeClaim"


def overlay_of(values: Values, parts: Parts, folder: Path) -> dict[str, str]:
    """The files of an overlay: a path below its folder -> the text.

    Args:
        values: what it is; :func:`builders.bundle.rules.mistakes` says nothing against it.
        parts: the bundle.
        folder: where it will lie; the bundle is named by relative paths from there.
    """
    return _Overlay(values, parts, folder.resolve()).files()


@dataclass(frozen=True)
class _Overlay:
    values: Values
    parts: Parts
    folder: Path

    def files(self) -> dict[str, str]:
        files: dict[str, str] = {}
        layers = self.parts.layers(self.values.overlay)
        if self._is_as_shipped():
            below = _relative(layers[-1], self.folder)
        else:
            for layer in layers:
                files |= self._layer(layer, lowest=layer == layers[0])
            below = f"./{layers[-1].name}"
        components = self.parts.folder / "components"
        own: Object = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": self.values.namespace,
            "resources": [below],
            "components": [
                _relative(components / each, self.folder) for each in chosen(self.values)
            ],
            "configurations": [_IMAGES] if self.values.images else [],
            "configMapGenerator": self._settings(),
            "images": [_image(*each) for each in sorted(self.values.images.items())],
            "patches": list(patches(self.values, self._services(), chosen(self.values))),
            "transformers": self._transformers(),
        }
        if self.values.mirror:
            mirror = documents(self.parts.folder / "transformers" / "mirror" / "prefix.yaml")[0]
            files[_MIRROR] = _text({**mirror, "prefix": f"{self.values.mirror}/"})
        if self.values.images:
            # A ClusterStorageContainer keeps its image where kustomize does not look by itself.
            place = {"path": "spec/container/image", "kind": "ClusterStorageContainer"}
            files[_IMAGES] = _text({"images": [place]})
        return {FILE: _text({key: each for key, each in own.items() if each}), **files}

    def _settings(self) -> list[Object]:
        """What components read of ``base/values``."""
        given = settings(self.values)
        literals = [f"{key}={value}" for key, value in given.items()]
        return [{"name": "values", "behavior": "merge", "literals": literals}] if given else []

    def _transformers(self) -> list[str]:
        """The namespace in queries, and in the names of what is the whole cluster's; the mirror."""
        namespace = _relative(self.parts.folder / "transformers" / "namespace", self.folder)
        return [namespace, *([_MIRROR] if self.values.mirror else [])]

    def _is_as_shipped(self) -> bool:
        """Whether the wanted resources are those of the overlay."""
        there = self.parts.resources(self.values.overlay)
        return not self._added() and all(self._wanted(each) for each in there)

    def _layer(self, layer: Path, *, lowest: bool) -> dict[str, str]:
        """A shipped overlay with other resources, and the files that it names."""
        here = self.folder / layer.name
        content = kustomization(layer)
        files: dict[str, str] = {}

        def named(path: str) -> str:
            target = (layer / path).resolve()
            if target.is_file():
                files[f"{layer.name}/{target.name}"] = target.read_text("utf-8")
                return target.name
            if target.parent == layer.parent:
                return f"../{target.name}"
            return _relative(target, here)

        kept = [each for each in content["resources"] if self._wanted((layer / each).resolve())]
        content["resources"] = [named(each) for each in kept]
        if lowest:
            content["resources"] += [_relative(each, here) for each in self._added()]
        for key in ("components", "configurations"):
            if key in content:
                content[key] = [named(each) for each in content[key]]
        for key in ("patches", "replacements"):
            for each in content.get(key, ()):
                if "path" in each:
                    each["path"] = named(each["path"])
        return {f"{layer.name}/{FILE}": _text(content), **files}

    def _added(self) -> list[Path]:
        """Services that the overlay has not, with their runtimes and the graph left to it."""
        there = self.parts.resources(self.values.overlay)
        base = self.parts.folder / "base"
        wanted = [base / "services" / each for each in services(self.values, self.parts)]
        wanted += [base / "runtimes" / each for each in sorted(self._runtimes())]
        return [each for each in wanted if each not in there]

    def _wanted(self, resource: Path) -> bool:
        """Whether one of the overlay's resources is of use to the services."""
        base = self.parts.folder / "base"
        if resource.parent == base / "services":
            return resource.name in services(self.values, self.parts)
        if resource.parent == base / "runtimes":
            return resource.name in self._runtimes()
        if resource.parent == self.parts.folder / "overlays" and resource.is_dir():
            return True
        found = list(objects(resource)) if resource.is_dir() else documents(resource)
        claims = {each["metadata"]["name"] for each in found if each["kind"] == CLAIM}
        graphs = [each for each in found if each["kind"] == "InferenceGraph"]
        return claims <= self._claims() and all(_called(each) <= self._names() for each in graphs)

    def _services(self) -> dict[str, tuple[Object, ...]]:
        """The services and their objects."""
        return {each: self.parts.service(each) for each in services(self.values, self.parts)}

    def _objects(self) -> list[Object]:
        return [each for manifests in self._services().values() for each in manifests]

    def _names(self) -> set[str]:
        return {each["metadata"]["name"] for each in self._objects()}

    def _runtimes(self) -> set[str]:
        models = (each["spec"].get("predictor", {}).get("model", {}) for each in self._objects())
        return {each["runtime"] for each in models if "runtime" in each}

    def _claims(self) -> set[str]:
        """The claims of the bases that services read."""
        found = set()
        for each in self._objects():
            given = self.values.repository if serves_repository(each) else self.values.checkpoint
            if given.existing or getattr(given, "bucket", None):
                continue
            scheme, _, rest = uri_of(each).partition("://")
            if scheme == "pvc":
                found.add(rest.partition("/")[0])
        return found


def settings(values: Values) -> dict[str, str]:
    """The keys of ``base/values`` that are given."""
    gateway = values.gateway
    given = {
        "pullSecret": values.pull_secret,
        "priorityClass": values.priority_class,
        "gateway": gateway.name if gateway else None,
        "domain": gateway.domain if gateway else None,
        "deviceClass": values.device_class,
    }
    return {key: value for key, value in given.items() if value}


SWITCHES = {
    "pullSecret": "pull-secret",
    "priorityClass": "priority",
    "gateway": "routes",
    "deviceClass": "dra",
}
"""A key of values files -> the component that it switches on."""


def chosen(values: Values) -> list[str]:
    """The components that are switched on, by name or by a key, without those of the overlay."""
    given = settings(values)
    implied = [component for key, component in SWITCHES.items() if key in given]
    if values.repository.bucket:
        implied.append("object-store")
    return list(dict.fromkeys([*values.components, *implied]))


def services(values: Values, parts: Parts) -> tuple[str, ...]:
    """What is served."""
    return tuple(values.services or parts.services_of(values.overlay))


def _called(graph: Object) -> set[str]:
    """The services that a graph calls."""
    steps = [each for node in graph["spec"]["nodes"].values() for each in node.get("steps", ())]
    urls = [each["serviceUrl"] for each in steps if "serviceUrl" in each]
    hosts = {each.partition("://")[2].partition("/")[0].partition(".")[0] for each in urls}
    names = {each["serviceName"] for each in steps if "serviceName" in each}
    return {each.removesuffix("-predictor") for each in hosts} | names


def _image(name: str, reference: str) -> Object:
    """An entry of ``images``; parts that the reference leaves out stay the same."""
    rest, _, digest = reference.partition("@")
    path, slash, last = rest.rpartition("/")
    last, _, tag = last.partition(":")
    given = {"name": name, "newName": f"{path}{slash}{last}", "newTag": tag, "digest": digest}
    return {key: value for key, value in given.items() if value}


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder)


def _text(content: Object) -> str:
    return _HEAD + dump(content)
