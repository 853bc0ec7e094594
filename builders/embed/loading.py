"""A checkpoint's weights: the encoder in torch, and those of the layers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from builders.embed.checkpoint.read import Embedder
from builders.kit import onnx
from builders.kit.onnx.unused import unused_is_no_news
from builders.kit.sources.error import SourceError


def load_encoder(embedder: Embedder, checkpoint: Path) -> Any:
    """transformers' model of the encoder, in FP32, without a pooling layer of its own.

    Raises:
        SourceError: as :func:`builders.kit.onnx.load_transformers`.
    """
    asked: dict[str, Any] = {"add_pooling_layer": False} if embedder.encoder.kind.has_pooler else {}
    with unused_is_no_news():
        return onnx.load_transformers(checkpoint / embedder.folder, "AutoModel", **asked)


def read_weights(
    path: Path, name: str, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, npt.NDArray[Any]]:
    """A layer's weights in FP32.

    Args:
        path: the safetensors file.
        name: what stands before the weights' names in it.
        shapes: the weights that the layer has.

    Raises:
        SourceError: it cannot be read, or has others.
    """
    from safetensors import SafetensorError, safe_open

    found: dict[str, npt.NDArray[Any]] = {}
    try:
        with safe_open(path, framework="numpy") as opened:
            there = opened.keys()
            for key in shapes:
                if f"{name}.{key}" in there:
                    found[key] = opened.get_tensor(f"{name}.{key}").astype(np.float32)
    except (OSError, SafetensorError) as error:
        raise SourceError(
            f"{path}: expected safetensors, found: {error}. Fetch the whole checkpoint again."
        ) from None
    unlike = {key: found.get(key) for key, shape in shapes.items() if _shape(found, key) != shape}
    if unlike:
        key, value = next(iter(unlike.items()))
        raise SourceError(
            f"{path}: expected {name}.{key} of {list(shapes[key])}, as its config.json says, found "
            f"{'none' if value is None else list(value.shape)}. Fetch the whole checkpoint again."
        )
    return found


def _shape(found: Mapping[str, npt.NDArray[Any]], key: str) -> tuple[int, ...] | None:
    return found[key].shape if key in found else None
