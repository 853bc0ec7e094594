"""Towers of grids as modules whose graphs take any number of images, each of any size."""

from __future__ import annotations

from typing import Any

import torch


class EncodeGrid(torch.nn.Module):
    """Patches to features for the merger.

    transformers computes in Python, from the grids, which patches attend to each other and where
    each one is. Here these numbers are inputs, made by :mod:`builders.vision.stages.grid`. Windows
    are rows of a table, so patches keep their order, which transformers changes and restores.
    """

    def __init__(self, model: Any) -> None:
        """
        Args:
            model: a Qwen2-VL, Qwen2.5-VL or Qwen3-VL.
        """
        super().__init__()
        visual = model.model.visual
        self.blocks = visual.blocks
        self.rotary = visual.rotary_pos_emb
        self.projection = visual.patch_embed.proj
        self.embeddings = getattr(visual, "pos_embed", None)
        whole = getattr(visual, "fullatt_block_indexes", range(len(self.blocks)))
        self.whole = set(whole)
        self.deep = set(getattr(visual, "deepstack_visual_indexes", ()))

    def forward(
        self,
        patches: torch.Tensor,
        position_ids: torch.Tensor,
        segments: torch.Tensor,
        segment_places: torch.Tensor,
        windows: torch.Tensor | None = None,
        window_places: torch.Tensor | None = None,
        corners: torch.Tensor | None = None,
        corner_weights: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, ...]:
        """The tower.

        Args:
            patches: FP32 [tokens, unit, width]; a token is made of ``unit`` patches.
            position_ids: INT64 [tokens, unit, 2].
            segments: INT64 [segments, longest].
            segment_places: INT64 [tokens, unit].
            windows: INT64 [windows, patches of one], of a tower that has windows.
            window_places: INT64 [tokens, unit], likewise.
            corners: INT64 [tokens, unit, 4], of a tower with position embeddings.
            corner_weights: FP32 [tokens, unit, 4], likewise.

        Returns:
            The last features, FP32 [tokens, unit, hidden]; of a tower that gives features of
            earlier layers as well, those too, FP32 [layers, tokens, unit, hidden].
        """
        # A convolution over one patch of one place: a product with its weights.
        weight = self.projection.weight.flatten(1)
        states = torch.nn.functional.linear(patches, weight, self.projection.bias)
        if self.embeddings is not None:
            assert corners is not None and corner_weights is not None
            near = self.embeddings(corners) * corner_weights.unsqueeze(-1)
            states = states + near.sum(-2)
        shape = states.shape
        states = states.flatten(0, 1)
        turns = self.rotary(states, position_ids.flatten(0, 1))
        deep = []
        for number, block in enumerate(self.blocks):
            if number in self.whole:
                table, at = segments, segment_places
            else:
                assert windows is not None and window_places is not None
                table, at = windows, window_places
            normed = block.norm1(states)
            states = states + _attended(block.attn, normed, turns, table, at.flatten())
            states = states + block.mlp(block.norm2(states))
            if number in self.deep:
                deep.append(states.reshape(shape))
        found = states.reshape(shape)
        if not deep:
            return (found,)
        return found, torch.stack(deep)


def _attended(
    attention: Any,
    states: torch.Tensor,
    turns: tuple[torch.Tensor, torch.Tensor],
    table: torch.Tensor,
    places: torch.Tensor,
) -> torch.Tensor:
    """Attention among the patches of each row of a table, FP32 [patches, hidden]."""
    from transformers.models.qwen2_vl.modeling_qwen2_vl import apply_rotary_pos_emb_vision

    heads = attention.num_heads
    query, key, value = attention.qkv(states).unflatten(1, (3, heads, -1)).unbind(1)
    query, key = apply_rotary_pos_emb_vision(query, key, *turns)
    # A place that fills a row up takes the first patch, and no patch attends to it. Each row has
    # patches of its own, so that no row is masked as a whole, which would give NaN.
    numbers = table.clamp(min=0)
    query, key, value = (each[numbers].transpose(1, 2) for each in (query, key, value))
    found = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=(table >= 0)[:, None, None, :], scale=attention.scaling
    )
    rows = found.transpose(1, 2).flatten(2).flatten(0, 1)
    answer: torch.Tensor = attention.proj(rows[places])
    return answer


class AdaptGrid(torch.nn.Module):
    """Features to the language model's space: the tower's mergers, which make one token of each
    block of patches."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        visual = model.model.visual
        self.merger = visual.merger
        self.deep = getattr(visual, "deepstack_merger_list", None)

    def forward(
        self, features: torch.Tensor, deep_features: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        """FP32 [tokens, unit, width], and FP32 [layers, tokens, unit, width] of a tower that has
        such, -> FP32 [tokens, hidden], their mean FP32 [hidden], and FP32 [layers, tokens, hidden].
        """
        found = self.merger(features.flatten(0, 1))
        pooled = found.mean(0)
        if deep_features is None:
            return found, pooled
        assert self.deep is not None
        deep = [
            merger(each.flatten(0, 1))
            for merger, each in zip(self.deep, deep_features.unbind(0), strict=True)
        ]
        return found, pooled, torch.stack(deep)
