"""Makes the checkpoint and the examples, in seconds: ``python -m newfamily.train``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from .drawings import LABELS, as_png, draw
from .network import Network
from .stages.prepare import planes_of

HERE = Path(__file__).parent


def train(steps: int = 400, batch: int = 48) -> Network:
    """A network that has seen each drawing once."""
    torch.manual_seed(0)
    network = Network(len(LABELS))
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for step in range(steps):
        seeds = range(step * batch, (step + 1) * batch)
        drawn = [planes_of(np.asarray(draw(LABELS[seed % 3], seed))) for seed in seeds]
        right = torch.tensor([seed % 3 for seed in seeds])
        loss = torch.nn.functional.cross_entropy(network(torch.tensor(np.stack(drawn))), right)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def main() -> None:
    """Trains, and writes the folders ``checkpoint`` and ``examples``."""
    checkpoint, examples = HERE / "checkpoint", HERE / "examples"
    for folder in (checkpoint, examples):
        folder.mkdir(exist_ok=True)
    save_file(train().state_dict(), checkpoint / "model.safetensors")
    config = {"id2label": dict(enumerate(LABELS))}
    (checkpoint / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    for seed, label in enumerate(LABELS):
        (examples / f"{label}.png").write_bytes(as_png(draw(label, 2_000_000 + seed)))


if __name__ == "__main__":
    main()
