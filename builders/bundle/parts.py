"""What ``kserve/`` offers: overlays, services, components, and what each of them holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from builders.bundle.errors import BundleError

Object = dict[str, Any]

FOLDER = Path(__file__).parent / "kserve"
"""The bundle that the kit ships: in a checkout a link to its ``kserve/``."""

FILE = "kustomization.yaml"
SERVICES = ("InferenceService", "LLMInferenceService")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where there is one: the other takes a second for the whole bundle."""

TRITON = "triton-multimodal"
"""The ServingRuntime that serves the repository."""


class NoBundle(BundleError):
    """There is no bundle in that place, or a part of it is missing."""


@dataclass(frozen=True)
class Parts:
    """A folder as ``kserve/``.

    Attributes:
        folder: its path, without links.
    """

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Parts:
        """The parts of a folder.

        Raises:
            NoBundle: it holds no overlays.
        """
        if not (folder / "overlays").is_dir():
            raise NoBundle(
                f"{folder}: expected the folder kserve/ of a checkout, with overlays/ in it, found "
                "none. Name a checkout's kserve/.",
                arguments=("folder",),
            )
        return cls(folder.resolve())

    @cached_property
    def overlays(self) -> tuple[str, ...]:
        """The names of the shipped overlays, which are those with a values file."""
        names = self._names("overlays")
        return tuple(each for each in names if (self.folder / "values" / f"{each}.yaml").is_file())

    @cached_property
    def components(self) -> tuple[str, ...]:
        """The names of the components."""
        return self._names("components")

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The names of the services, which are folders in ``base/services``."""
        return self._names("base/services")

    @cached_property
    def images(self) -> tuple[str, ...]:
        """The names of the images, as the kustomizations have them."""
        found = {
            str(image["name"])
            for path in self.folder.rglob(FILE)
            for image in kustomization(path.parent).get("images", ())
        }
        return tuple(sorted(found))

    def service(self, name: str) -> tuple[Object, ...]:
        """A service's InferenceServices, or LLMInferenceServices; not what is beside them."""
        found = objects(self.folder / "base" / "services" / name)
        return tuple(each for each in found if each["kind"] in SERVICES)

    def resources(self, overlay: str) -> tuple[Path, ...]:
        """The folders and files that an overlay is made of, with those of the overlays below it."""
        return tuple(
            path
            for layer in self.layers(overlay)
            for path in paths(layer, "resources")
            if not path.is_relative_to(self.folder / "overlays") or path.is_file()
        )

    def layers(self, overlay: str) -> tuple[Path, ...]:
        """The folders of the overlays on which an overlay is built, lowest first, and its own."""
        folder = self.folder / "overlays" / overlay
        below = [
            each
            for each in paths(folder, "resources")
            if each.is_dir() and each.parent == self.folder / "overlays"
        ]
        return (*(layer for each in below for layer in self.layers(each.name)), folder)

    def services_of(self, overlay: str) -> tuple[str, ...]:
        """The services that an overlay has by itself."""
        base = self.folder / "base" / "services"
        return tuple(path.name for path in self.resources(overlay) if path.parent == base)

    def components_of(self, overlay: str) -> tuple[str, ...]:
        """The components that an overlay has by itself."""
        return tuple(
            path.name for layer in self.layers(overlay) for path in paths(layer, "components")
        )

    def has_gpus(self, overlay: str) -> bool:
        """Whether an overlay is for nodes with GPUs."""
        return any(layer.name == "gpu" for layer in self.layers(overlay))

    def _names(self, below: str) -> tuple[str, ...]:
        found = (self.folder / below).glob(f"*/{FILE}")
        return tuple(sorted(path.parent.name for path in found))


def kustomization(folder: Path) -> Object:
    """A folder's kustomization.

    Raises:
        NoBundle: there is none, or it is not YAML. This is true of every file of a bundle.
    """
    (read,) = documents(folder / FILE)
    return read


def documents(path: Path) -> list[Object]:
    """The YAML documents of a file of the bundle."""
    try:
        return [each for each in yaml.load_all(path.read_text("utf-8"), _LOADER) if each]
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise NoBundle(f"{path}: expected YAML of the bundle, found {error}") from error


def paths(folder: Path, key: str) -> list[Path]:
    """What a kustomization names under ``resources`` or ``components``."""
    return [(folder / each).resolve() for each in kustomization(folder).get(key, ())]


def objects(folder: Path) -> Iterator[Object]:
    """The objects of a folder as its files have them, before anything is patched."""
    for path in paths(folder, "resources"):
        if path.is_dir():
            yield from objects(path)
        else:
            yield from documents(path)


def asks_for_gpu(manifest: Object) -> bool:
    """Whether a service's own containers ask for a GPU."""
    spec = manifest["spec"]
    containers = [spec.get("predictor", {}).get("model", {})]
    containers += [
        each for pod in ("template", "worker") for each in spec.get(pod, {}).get("containers", ())
    ]
    limits = [each.get("resources", {}).get("limits", {}) for each in containers]
    return any(name.startswith("nvidia.com/") for each in limits for name in each)


def serves_repository(manifest: Object) -> bool:
    """Whether a service is a Triton on the model repository."""
    model = manifest["spec"].get("predictor", {}).get("model", {})
    return bool(model.get("runtime") == TRITON)


def uri_of(manifest: Object) -> str:
    """Where a service's model is, as its base has it."""
    spec = manifest["spec"]
    if "predictor" in spec:
        return str(spec["predictor"].get("model", {}).get("storageUri", ""))
    return str(spec["model"]["uri"])
