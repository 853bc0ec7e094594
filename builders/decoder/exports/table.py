"""The embeddings of a decoder's tokens, as its first layer takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.checkpoint.weights import EMBEDDINGS, own_names
from builders.kit.export import Export
from builders.kit.sources.headers import read_headers
from repository.arrays import Array

FILE = "embeddings.npy"

_ROWS = 16384
"""Rows that are read at once."""


def export(weights: str) -> Export:
    """The table beside the graph, in FP32 for weights in FP32, otherwise in FP16."""
    return Export.file(
        FILE,
        source="decoder",
        make=partial(make_table, "float32" if weights == "fp32" else "float16"),
        form=read_decoder,
    )


def make_table(dtype: str, checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the table, [vocab, hidden], scaled.

    Args:
        dtype: "float32" or "float16".
        checkpoint: the decoder's.
        out: the file.

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is carried.
    """
    decoder = read_decoder(checkpoint)
    shape = (decoder.vocab, decoder.hidden)
    table = np.lib.format.open_memmap(out, "w+", np.dtype(dtype), shape)
    for start in range(0, decoder.vocab, _ROWS):
        ids = range(start, min(start + _ROWS, decoder.vocab))
        table[start : ids.stop] = rows(decoder, ids)
    table.flush()
    return {"rows": decoder.vocab, "width": decoder.hidden, "dtype": dtype, "scale": decoder.scale}


def rows(decoder: Decoder, ids: Iterable[int]) -> Array:
    """The embeddings of some tokens, FP32 [tokens, hidden], scaled.

    Args:
        decoder: the checkpoint's.
        ids: tokens; a range of them is read at once.
    """
    import torch
    from safetensors import safe_open

    headers = read_headers(decoder.path)
    name = own_names(headers, wrapped=decoder.wrapped)[EMBEDDINGS]
    with safe_open(decoder.path / headers[name].file, framework="pt") as opened:
        table: Any = opened.get_slice(name)
        if isinstance(ids, range):
            found = table[ids.start : ids.stop]
        else:
            found = torch.cat([table[each : each + 1] for each in ids])
    scaled: Array = (found.to(torch.float32) * decoder.scale).numpy()
    return scaled
