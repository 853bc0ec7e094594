"""The network. Nothing that is served imports it."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


class Network(nn.Module):
    """Three convolutions, and the mean of what they see."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(32, labels)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Images, FP32 [batch, 3, 32, 32], to scores, FP32 [batch, labels]."""
        scores: torch.Tensor = self.head(self.layers(planes).mean((2, 3)))
        return scores


def load(checkpoint: Path, labels: int) -> Network:
    """The network with a checkpoint's weights."""
    network = Network(labels)
    network.load_state_dict(load_file(checkpoint / "model.safetensors"))
    return network.eval()
