"""A checkpoint to ONNX, and what it is compared with.

That is transformers' encoder, with the layers behind it in double precision, in numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from builders.embed.checkpoint.layers import WEIGHTS, Dense, LayerNorm, Pooling
from builders.embed.checkpoint.read import Embedder, read_embedder
from builders.embed.loading import load_encoder, read_weights
from builders.kit import onnx
from builders.kit.export import Export, Parity
from builders.kit.onnx.torch import DEFAULT_OPSET
from builders.stages.tokenizer_file import tokenizer_file
from repository.arrays import Arrays

SOURCE = "embed"
"""The component whose checkpoint everything is made from."""

SHAPES = ((3, 24), (1, 7), (5, 130), (2, 512))
"""Texts and tokens to compare on: the export's own shape, then three that it never saw."""


def embedder_export(embedder: Embedder) -> Export:
    """The export of the encoder with all that stands behind it."""
    return Export(
        name="embedder",
        source=SOURCE,
        make=make,
        options={"opset": DEFAULT_OPSET},
        parity=Parity(
            reference=expected,
            inputs=partial(
                examples, embedder.encoder.vocabulary, embedder.encoder.pad, embedder.maximum_length
            ),
            absolute=1e-5 if embedder.is_normalised else {},
            relative=1e-4 if embedder.is_normalised else 1e-5,
        ),
        form=read_embedder,
    )


def tokenizer_export(embedder: Embedder) -> Export:
    """The export of the tokenizer that the stage reads."""
    return tokenizer_file(
        SOURCE,
        read_embedder,
        folder=embedder.folder,
        lower_case=embedder.lower_case,
        vocabulary=embedder.encoder.vocabulary,
    )


def make(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write ``input_ids`` and ``attention_mask`` INT64 [batch, tokens] -> ``embeddings`` FP32
    [batch, width].

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is served.
        OnnxError: torch cannot export it.
    """
    import torch

    from builders.embed.modules import Embed

    embedder = read_embedder(checkpoint)
    shape = (SHAPES[0][0], min(SHAPES[0][1], embedder.maximum_length))
    axes = {0: "batch", 1: "tokens"}
    mask = torch.ones(shape, dtype=torch.int64)
    mask[1, shape[1] // 2 :] = 0
    made = onnx.export_torch(
        Embed(embedder, checkpoint),
        {"input_ids": torch.zeros(shape, dtype=torch.int64), "attention_mask": mask},
        axes={"input_ids": axes, "attention_mask": axes},
        outputs=["embeddings"],
    )
    onnx.save(made, out)
    pooling = embedder.layers[0]
    assert isinstance(pooling, Pooling)
    return {
        "encoder": embedder.encoder.kind.name,
        "pooling": list(pooling.modes),
        "layers": [type(each).__name__.lower() for each in embedder.layers[1:]],
        "maximum_length": embedder.maximum_length,
    }


def examples(vocabulary: int, pad: int, longest: int) -> Sequence[Arrays]:
    """Random tokens in rows of different lengths.

    Args:
        vocabulary: how many tokens there are.
        pad: the one that fills rows.
        longest: the most tokens of a row.
    """
    random = np.random.default_rng(11)
    made = []
    for rows, most in SHAPES:
        length = max(2, min(most, longest))
        ids = random.integers(0, vocabulary, (rows, length), np.int64)
        mask = np.ones((rows, length), np.int64)
        for row, own in enumerate(np.linspace(length, 1, rows).astype(int)):
            ids[row, own:], mask[row, own:] = pad, 0
        made.append({"input_ids": ids, "attention_mask": mask})
    return made


def expected(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What transformers' encoder gives, and the layers behind it in double precision."""
    import torch

    embedder = read_embedder(checkpoint)
    encoder = load_encoder(embedder, checkpoint)
    with torch.no_grad():
        tokens = encoder(**{name: torch.from_numpy(each) for name, each in inputs.items()})
    vectors = tokens.last_hidden_state.numpy().astype(np.float64)
    for layer in embedder.layers:
        if isinstance(layer, Pooling):
            vectors = pooled(vectors, inputs["attention_mask"], layer.modes)
        elif isinstance(layer, Dense):
            vectors = _dense(vectors, layer, checkpoint)
        elif isinstance(layer, LayerNorm):
            vectors = _layer_norm(vectors, layer, checkpoint)
        else:
            vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return {"embeddings": vectors.astype(np.float32)}


_Vectors = npt.NDArray[np.float64]

_POOLED: Mapping[str, Callable[[_Vectors], _Vectors]] = {
    "cls": lambda tokens: tokens[0],
    "max": lambda tokens: tokens.max(0),
    "mean": lambda tokens: tokens.mean(0),
    "mean_sqrt_len_tokens": lambda tokens: tokens.sum(0) / np.sqrt(len(tokens)),
    "lasttoken": lambda tokens: tokens[-1],
}


def pooled(tokens: _Vectors, mask: npt.NDArray[Any], modes: Sequence[str]) -> _Vectors:
    """One vector a row, of its own tokens alone.

    Args:
        tokens: [rows, tokens, width].
        mask: INT64 [rows, tokens].
        modes: of the pooling.
    """
    rows = [row[own > 0] for row, own in zip(tokens, mask, strict=True)]
    return np.stack([np.concatenate([_POOLED[mode](row) for mode in modes]) for row in rows])


def _dense(vectors: _Vectors, layer: Dense, checkpoint: Path) -> _Vectors:
    shapes: dict[str, tuple[int, ...]] = {"weight": (layer.outputs, layer.inputs)}
    if layer.bias:
        shapes["bias"] = (layer.outputs,)
    weights = read_weights(checkpoint / layer.folder / WEIGHTS, "linear", shapes)
    return _ACTIVATED[layer.activation](vectors @ weights["weight"].T + weights.get("bias", 0.0))


_ACTIVATED: Mapping[str, Callable[[_Vectors], _Vectors]] = {
    "Tanh": np.tanh,
    "ReLU": lambda values: np.maximum(values, 0.0),
    "Sigmoid": lambda values: 1.0 / (1.0 + np.exp(-values)),
    "Identity": lambda values: values,
}


def _layer_norm(vectors: _Vectors, layer: LayerNorm, checkpoint: Path) -> _Vectors:
    shape = (layer.size,)
    weights = read_weights(
        checkpoint / layer.folder / WEIGHTS, "norm", {"weight": shape, "bias": shape}
    )
    spread = vectors.var(-1, keepdims=True) + 1e-5  # torch.nn.LayerNorm's own
    scaled = (vectors - vectors.mean(-1, keepdims=True)) / np.sqrt(spread)
    found: _Vectors = scaled * weights["weight"] + weights["bias"]
    return found
