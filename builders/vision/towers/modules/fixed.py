"""Towers of one size as modules whose graphs keep the batch dynamic."""

from __future__ import annotations

from typing import Any

import torch

from builders.vision.checkpoint.eye import Eye


class Encode(torch.nn.Module):
    """Pixels to features for the projector, and to one vector for search.

    transformers' own ``get_image_features`` goes through a list of images, which would fix the
    batch's size in the graph.
    """

    def __init__(self, eye: Eye, model: Any, interpolate: bool) -> None:
        """
        Args:
            eye: what is known of the model.
            model: a LLaVA, or a tower with or without its projection.
            interpolate: whether images have other sizes than the tower's own.
        """
        super().__init__()
        self.tower = tower_of(model)
        self.projection = getattr(model, "visual_projection", None)
        self.layers = eye.feature_layers
        self.skipped = int(eye.strategy == "default")
        self.pooling = eye.pooling
        self.interpolate = interpolate

    def forward(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """FP32 [batch, 3, height, width] -> features [batch, tokens, width], if there is a
        projector, and pooled [batch, width]."""
        found = self.tower(
            pixel_values=pixel_values,
            interpolate_pos_encoding=self.interpolate,
            output_hidden_states=bool(self.layers),
        )
        pooled = found.pooler_output
        if self.pooling == "projection":
            assert self.projection is not None
            pooled = self.projection(pooled)
        elif self.pooling == "mean":
            pooled = found.last_hidden_state.mean(1)
        if not self.layers:
            return (pooled,)
        # Not the last hidden state even for the last layer: that one has been through the norm.
        states = [found.hidden_states[layer][:, self.skipped :] for layer in self.layers]
        return torch.cat(states, -1), pooled


def tower_of(model: Any) -> Any:
    """The vision tower in a model, or the model itself where it is one."""
    inner = getattr(model, "model", model)
    for name in ("vision_tower", "vision_model"):
        if hasattr(inner, name):
            return getattr(inner, name)
    return inner
