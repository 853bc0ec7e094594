"""Towers that see tiles as modules whose graphs keep the batch dynamic."""

from __future__ import annotations

from typing import Any

import torch

from builders.vision.checkpoint.tiled_eye import TiledEye
from builders.vision.towers.modules.fixed import tower_of


class EncodeTiles(torch.nn.Module):
    """Tiles to features for the projector, and to one vector for search each."""

    def __init__(self, eye: TiledEye, model: Any) -> None:
        """
        Args:
            eye: what is known of the model.
            model: the model, of :attr:`TiledEye.architecture`.
        """
        super().__init__()
        self.tower = tower_of(model)
        self.layers = eye.feature_layers
        self.pooling = eye.pooling
        self.class_token = int(eye.tower.class_token)
        self.skipped = int(eye.strategy == "default")
        self.internvl = eye.tower.model_type == "internvl_vision"
        self.squeeze = eye.squeeze
        if eye.tower.model_type == "idefics3_vision":
            self.tower = WholeTiles(self.tower, eye.tower.side)

    def forward(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """FP32 [batch, 3, side, side] -> features [batch, features, width], what the projector
        takes, and tile_pooled [batch, width]."""
        found = self.tower(pixel_values=pixel_values, output_hidden_states=bool(self.layers))
        pooled = found.pooler_output
        if self.pooling == "mean":
            pooled = found.last_hidden_state[:, self.class_token :].mean(1)
        if not self.layers or (self.internvl and self.layers == (-1,)):
            features = found.last_hidden_state[:, self.skipped :]
        else:
            states = [found.hidden_states[layer][:, self.skipped :] for layer in self.layers]
            features = torch.cat(states, -1)
        if self.internvl:
            features = squeezed(features, self.squeeze)
        return features, pooled


class WholeTiles(torch.nn.Module):
    """The tower of Idefics3 and SmolVLM for tiles without padding.

    Theirs makes positions of every request's mask; a whole tile's are always the same.
    """

    def __init__(self, tower: Any, side: int) -> None:
        """
        Args:
            tower: ``Idefics3VisionTransformer``, or SmolVLM's.
            side: of a tile, in pixels.
        """
        super().__init__()
        self.patches = tower.embeddings.patch_embedding
        self.encoder = tower.encoder
        self.norm = tower.post_layernorm
        self.positions: torch.Tensor
        self.register_buffer("positions", _positions(tower.embeddings, side))

    def forward(self, pixel_values: torch.Tensor, output_hidden_states: bool = False) -> Any:
        """FP32 [batch, 3, side, side] -> an output with ``last_hidden_state``."""
        seen = self.patches(pixel_values).flatten(2).transpose(1, 2) + self.positions
        found = self.encoder(inputs_embeds=seen, attention_mask=None)
        found.last_hidden_state = self.norm(found.last_hidden_state)
        found.pooler_output = None
        return found


def _positions(embeddings: Any, side: int) -> torch.Tensor:
    """The position embeddings that the tower adds to the patches of a whole tile."""
    patches = side // embeddings.patch_size
    taken: list[torch.Tensor] = []
    hook = embeddings.position_embedding.register_forward_hook(
        lambda _module, _given, found: taken.append(found)
    )
    with torch.no_grad():
        embeddings(
            pixel_values=torch.zeros(1, 3, side, side),
            patch_attention_mask=torch.ones(1, patches, patches, dtype=torch.bool),
        )
    hook.remove()
    return taken[0].detach().clone()


def squeezed(features: torch.Tensor, by: int) -> torch.Tensor:
    """InternVL's pixel shuffle: squares of ``by`` times ``by`` features are made one.

    FP32 [batch, side * side, width] -> [batch, (side / by) ** 2, width * by * by].
    """
    side = int(features.shape[1] ** 0.5)
    few, width = side // by, features.shape[2]
    # Rows and columns are named as they lie in the sequence: row first.
    split = features.reshape(-1, few, by, few, by, width)
    return split.permute(0, 1, 3, 2, 4, 5).reshape(-1, few * few, width * by * by)
