"""SigLIP 2's NaFlex tower as a module whose position embeddings are resized by weights from
outside."""

from __future__ import annotations

from typing import Any

import torch

from builders.vision.towers.modules.fixed import tower_of


class EncodePatches(torch.nn.Module):
    """Patches to one vector for search.

    transformers resizes the position embeddings in a loop over the images, which a graph does not
    carry. Resizing is linear, so it is a product with weights that depend on the image's size.
    """

    def __init__(self, model: Any) -> None:
        """
        Args:
            model: a Siglip2Model, or its tower.
        """
        super().__init__()
        tower = tower_of(model)
        self.tower = tower
        self.embeddings = tower.embeddings
        self.heads = tower.config.num_attention_heads
        side = self.embeddings.position_embedding_size
        table = self.embeddings.position_embedding.weight.detach()
        self.table: torch.Tensor
        self.register_buffer("table", table.reshape(1, side, -1))
        self.side = side

    def forward(
        self,
        patches: torch.Tensor,
        counted: torch.Tensor,
        row_weights: torch.Tensor,
        column_weights: torch.Tensor,
    ) -> torch.Tensor:
        """FP32 [batch, patches, width], INT64 [batch, patches], FP32 [batch, patches, side] twice
        -> FP32 [batch, pooled]."""
        batch, count = patches.shape[0], patches.shape[1]
        # [batch, patches, side * hidden]: the rows of the table, weighted for each patch.
        rows = torch.matmul(row_weights, self.table)
        rows = rows.reshape(batch, count, self.side, -1)
        positions = torch.matmul(column_weights.unsqueeze(2), rows).squeeze(2)
        states = self.embeddings.patch_embedding(patches) + positions
        # 0 for a patch of the image, the lowest number for one that only fills up.
        mask = (1 - counted.to(states.dtype)) * torch.finfo(states.dtype).min
        of_keys = mask[:, None, None, :]
        states = self.tower.encoder(inputs_embeds=states, attention_mask=of_keys).last_hidden_state
        states = self.tower.post_layernorm(states)
        if not self.tower.use_head:
            weights = counted.to(states.dtype).unsqueeze(-1)
            mean: torch.Tensor = (states * weights).sum(1) / weights.sum(1)
            return mean
        return self._headed(states, of_keys)

    def _headed(self, states: torch.Tensor, of_keys: torch.Tensor) -> torch.Tensor:
        """The pooling head, whose own code makes its mask by a path that fixes the batch."""
        head = self.tower.head
        batch = states.shape[0]
        probe = head.probe.repeat(batch, 1, 1)
        of_heads = of_keys.expand(-1, self.heads, -1, -1).flatten(0, 1)
        found = head.attention(probe, states, states, attn_mask=of_heads, need_weights=False)[0]
        found = found + head.mlp(head.layernorm(found))
        pooled: torch.Tensor = found[:, 0]
        return pooled
