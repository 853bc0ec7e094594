"""Repositories of toy models, written as a build lays them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from builders.kit.emit.config import model_config
from builders.kit.graph import Model, closure
from builders.kit.graph.layout import version_files
from repository.config.proto import pb
from repository.config.text import to_text
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer


def write(
    folder: Path,
    models: Iterable[Model],
    exports: Mapping[str, Path] | None = None,
    configs: Mapping[str, pb.ModelConfig] | None = None,
) -> None:
    """Writes the models and all that they need; stages are found on ``sys.path``."""
    for model in closure(models):
        target = folder / model.name
        target.mkdir(parents=True, exist_ok=True)
        config = configs[model.name] if configs else model_config(model)
        (target / "config.pbtxt").write_text(to_text(config))
        for name, content in version_files(model, exports or {}).items():
            path = target / "1" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())


def refusal(triton: LocalServer, model: str) -> str:
    """Why Triton does not load a model; empty if it does.

    Asked twice if the server ends: 24.10 may, by SIGSEGV in libtritonserver, after it refused a
    model with a sequence batcher (seen once, on a busy machine).
    """
    for _ in range(2):
        try:
            triton.control.load(model)
        except CallFailed as error:
            if error.status:
                return str(error)
            triton.stop(now=True)
            triton.start()
        else:
            return ""
    raise AssertionError("the server ended twice")
