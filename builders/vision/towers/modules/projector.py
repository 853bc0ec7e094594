"""Projectors as modules whose graphs keep the batch dynamic."""

from __future__ import annotations

from typing import Any

import torch


class Adapt(torch.nn.Module):
    """Features to the language model's space: the checkpoint's projector or connector."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.projector = projector_of(model)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """FP32 [batch, rows, width] -> [batch, tokens, hidden]."""
        found: torch.Tensor = self.projector(features)
        return found


def projector_of(model: Any) -> Any:
    """The module that carries features into the language model's space."""
    inner = model.model
    return getattr(inner, "multi_modal_projector", None) or inner.connector
