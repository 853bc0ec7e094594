"""Text towers as modules whose graphs keep the batch and the length dynamic."""

from __future__ import annotations

from typing import Any

import torch


class EncodeCaption(torch.nn.Module):
    """Tokens to one vector for each text, in the space of the images' vectors."""

    def __init__(self, model: Any) -> None:
        """
        Args:
            model: of transformers: a whole one, or a text tower.
        """
        super().__init__()
        self.tower = getattr(model, "text_model", model)
        self.projection = getattr(model, "text_projection", None)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """INT64 [batch, tokens], and where a token counts -> FP32 [batch, pooled]."""
        found: torch.Tensor = self.tower(
            input_ids=input_ids, attention_mask=attention_mask
        ).pooler_output
        return found if self.projection is None else self.projection(found)
