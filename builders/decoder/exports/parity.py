"""A decoder's graph compared with transformers: prefills, steps and pieces that it never saw."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.exports.graph import PLACES
from builders.decoder.exports.quantised import BITS, rounded
from builders.decoder.exports.table import rows
from builders.decoder.options import Weights
from builders.kit import onnx
from builders.kit.onnx.unused import unused_is_no_news
from repository.arrays import Array, Arrays

_FAR = 4200
"""Positions before a token, at most: more than most sliding windows have."""

_CACHE = 256 << 20
"""Bytes of cache in an example, at most."""


def examples(decoder: Decoder) -> Sequence[Arrays]:
    """What the graph and transformers are asked.

    Rows that begin, of different lengths; one token more in several rows, some of them far from
    their beginning, where positions that are scaled wrongly show, in a cache with room behind
    them; and a piece of a prompt behind another.
    """
    random = np.random.default_rng(13)
    token = 2 * 4 * decoder.layers * decoder.kv_heads * decoder.head_dim
    far = max(min(_FAR, decoder.context - 1, _CACHE // (4 * token)), 4)
    made = []
    for lengths, new, room in (
        ((9, 4, 1), 9, 0),
        ((far + 1, far // 2 + 1, 2, 1), 1, far + 3),
        ((14,), 6, 8),
    ):
        batch, total = len(lengths), max(lengths)
        ids = random.integers(0, decoder.vocab, batch * new)
        cache = (batch, decoder.kv_heads, room, decoder.head_dim)
        mask = np.arange(total) < np.array(lengths)[:, None]
        made.append(
            {
                "inputs_embeds": rows(decoder, ids.tolist()).reshape(batch, new, -1),
                "attention_mask": mask.astype(np.int64),
                PLACES: np.arange(new),
                **{
                    f"past_key_values.{layer}.{part}": random.standard_normal(cache, np.float32)
                    for layer in range(decoder.layers)
                    for part in ("key", "value")
                },
            }
        )
    return made


def expected(weights: Weights, checkpoint: Path, inputs: Arrays, found: Arrays) -> Arrays:
    """What transformers computes, row by row, each as long as it is.

    What stands behind a row's end means nothing, and is taken as it was found.

    Args:
        weights: with which transformers computes. Random matrices lose up to half of the largest
            logit in 4 bits, and a bound above that would find nothing; so it has what is left.
        checkpoint: the decoder's.
        inputs: the graph's.
        found: the graph's outputs.
    """
    import torch
    from transformers import DynamicCache

    decoder, model = load(checkpoint)
    if weights != "fp32":
        _round(model, BITS[weights])
    wanted: dict[str, Array] = {name: np.array(each) for name, each in found.items()}
    embeds = torch.from_numpy(inputs["inputs_embeds"])
    room = inputs["past_key_values.0.key"].shape[2]
    for row, length in enumerate(inputs["attention_mask"].sum(1).tolist()):
        new = min(embeds.shape[1], length)
        before = length - new if room else 0
        cache = DynamicCache()
        for layer in range(decoder.layers if before else 0):
            keys, values = (
                torch.from_numpy(
                    inputs[f"past_key_values.{layer}.{part}"][row : row + 1, :, :before]
                )
                for part in ("key", "value")
            )
            cache.update(keys, values, layer)
        with torch.no_grad():
            answer = model(
                inputs_embeds=embeds[row : row + 1, :new], past_key_values=cache, use_cache=True
            )
        wanted["logits"][row, :new] = answer.logits[0].numpy()
        for layer in range(decoder.layers):
            held: Any = cache.layers[layer]
            wanted[f"present.{layer}.key"][row, :, :length] = held.keys[0].numpy()
            wanted[f"present.{layer}.value"][row, :, :length] = held.values[0].numpy()
    return wanted


def _round(model: Any, bits: int) -> None:
    """Give a model's matrices what so many bits keep of them."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            left = rounded(module.weight.detach().numpy(), bits)
            module.weight = torch.nn.Parameter(torch.from_numpy(left), requires_grad=False)


def load(checkpoint: Path) -> tuple[Decoder, Any]:
    """What is known of a checkpoint's decoder, and its model in FP32, without the layers of the
    part that sees.

    Raises:
        SourceError: not a checkpoint that is carried.
    """
    decoder = read_decoder(checkpoint)
    with unused_is_no_news() if decoder.wrapped else contextlib.nullcontext():
        with onnx.transformers_alone() as transformers:
            config = transformers.AutoConfig.from_pretrained(
                checkpoint, local_files_only=True, trust_remote_code=False
            )
        vision = getattr(config, "vision_config", None)
        if vision is not None:
            vision.num_hidden_layers = 0
        return decoder, onnx.load_transformers(
            checkpoint, decoder.architecture, attention="eager", config=config
        )
