"""What Triton infers of a config that names no backend, platform or file, whatever its options.

After ``AutoCompleteBackendFields`` (model_config_utils.cc) of triton-inference-server/core at
r24.10. It looks into the first of a model's subfolders, in the order of their names, whether or not
that is a version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from repository.config.facts import is_ensemble, runs_python
from repository.config.proto import pb
from repository.files.reading import exists


@dataclass(frozen=True)
class Known:
    """A backend that Triton knows by its files.

    Attributes:
        backend: its name.
        file: the model's file where the config names none.
        platform: what belongs to the backend, and tells it; empty if none does.
        is_folder: whether the file has to be a folder, or none; None if either will do.
        needs_platform: whether the backend alone does not tell the platform.
    """

    backend: str
    file: str
    platform: str = ""
    is_folder: bool | None = None
    needs_platform: bool = False


_KNOWN = (
    Known("tensorflow", "model.graphdef", "tensorflow_graphdef", False, needs_platform=True),
    Known("tensorflow", "model.savedmodel", "tensorflow_savedmodel", True, needs_platform=True),
    Known("tensorrt", "model.plan", "tensorrt_plan", False),
    Known("onnxruntime", "model.onnx", "onnxruntime_onnx"),
    Known("openvino", "model.xml"),
    Known("pytorch", "model.pt", "pytorch_libtorch", False),
    Known("python", "model.py"),
)
"""In the order in which Triton tries them."""

HAVE_FILES = frozenset(known.backend for known in _KNOWN)
"""The backends that a model has a file for in each version."""


def infer(config: pb.ModelConfig, folder: Path) -> None:
    """Fills in ``backend``, ``platform`` and ``default_model_filename`` as Triton does.

    Args:
        config: a model's config, its name filled in; an ensemble's is left as it is.
        folder: the model's folder.
    """
    if is_ensemble(config):
        return
    first = min(_subfolders(folder), default=None)

    def there(known: Known) -> bool:
        path = first / known.file if first is not None else None
        if path is None or not exists(path):
            return False
        return known.is_folder is None or path.is_dir() == known.is_folder

    for known in _KNOWN:
        if known.needs_platform:
            if config.backend in ("", known.backend) and not config.platform:
                named = config.default_model_filename
                if named == known.file or (not named and there(known)):
                    config.platform = known.platform
            told = config.platform == known.platform
        else:
            if not config.backend and _tells(config, known, there):
                config.backend = known.backend
            told = config.backend == known.backend
        if told:
            config.backend = config.backend or known.backend
            config.platform = config.platform or known.platform
            by_python = known.backend == "pytorch" and runs_python(config)
            if not config.default_model_filename and not by_python:
                config.default_model_filename = known.file
            return
    if not (config.backend or config.platform or config.default_model_filename):
        _, dot, backend = config.name.partition(".")
        if dot:
            config.backend = backend
            config.default_model_filename = f"model.{backend}"


def _tells(config: pb.ModelConfig, known: Known, there: Callable[[Known], bool]) -> bool:
    """Whether a config without a backend means this one."""
    if known.platform and config.platform == known.platform:
        return True
    if config.default_model_filename:
        return bool(config.default_model_filename == known.file)
    return not config.platform and there(known)


def _subfolders(folder: Path) -> Iterator[Path]:
    try:
        yield from (path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return
