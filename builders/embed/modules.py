"""A checkpoint's modules in torch, as they are exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from builders.embed.checkpoint.layers import WEIGHTS, Dense, Layer, LayerNorm, Normalise, Pooling
from builders.embed.checkpoint.read import Embedder
from builders.embed.loading import load_encoder, read_weights


class Embed(nn.Module):
    """``input_ids`` INT64 [batch, tokens], ``attention_mask`` INT64 [batch, tokens] -> FP32
    [batch, width]."""

    def __init__(self, embedder: Embedder, checkpoint: Path) -> None:
        super().__init__()
        self.encoder = load_encoder(embedder, checkpoint)
        pooling, *rest = embedder.layers
        assert isinstance(pooling, Pooling)
        self.modes = pooling.modes
        self.rest = nn.Sequential(*(_module(layer, checkpoint) for layer in rest))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Embeds a batch."""
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
        pooled = torch.cat([_pooled(mode, tokens, mask) for mode in self.modes], -1)
        found: torch.Tensor = self.rest(pooled)
        return found


def _pooled(mode: str, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """One vector a row: tokens [batch, tokens, width], mask [batch, tokens, 1] of 0 and 1.

    Rows are filled on the right, and each has a token.
    """
    count = mask.sum(1)
    if mode == "cls":
        return tokens[:, 0]
    if mode == "max":
        return tokens.masked_fill(mask == 0, -torch.inf).max(1).values
    if mode == "lasttoken":
        places = torch.arange(tokens.shape[1]).view(1, -1, 1)
        return (tokens * (places == count.unsqueeze(1) - 1)).sum(1)
    summed = (tokens * mask).sum(1)
    return summed / (count if mode == "mean" else count.sqrt())


class _Normalise(nn.Module):
    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return functional.normalize(vectors, p=2.0, dim=-1)


def _module(layer: Layer, checkpoint: Path) -> nn.Module:
    if isinstance(layer, Normalise):
        return _Normalise()
    if isinstance(layer, Dense):
        linear = nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
        _load(linear, layer.folder, "linear", checkpoint)
        return nn.Sequential(linear, getattr(nn, layer.activation)())
    assert isinstance(layer, LayerNorm)
    norm = nn.LayerNorm(layer.size)
    _load(norm, layer.folder, "norm", checkpoint)
    return norm


def _load(module: nn.Module, folder: str, name: str, checkpoint: Path) -> None:
    shapes = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    weights: Mapping[str, Any] = read_weights(checkpoint / folder / WEIGHTS, name, shapes)
    module.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
