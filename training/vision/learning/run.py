"""A stage of training: AdamW, a rate that rises, stays and falls, averaged weights, its state.

What a step does depends on the seed, the step's number and the weights, so a run that was cut off
goes on as if it had not been.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

WARM_UP, CLIP = 200, 1.0

FALL = 0.5
"""The share of the steps in which the learning rate falls to nothing."""

AVERAGE = 0.997
"""Of the running average of weights that is measured and kept."""

SAY_EVERY, SAVE_EVERY, MEASURE_EVERY = 50, 200, 400


class Run:
    """A stage's state, in a folder.

    Args:
        folder: ``NAME.pt`` (this run's own, not a checkpoint to publish) and ``NAME.jsonl``.
        name: of the stage.
        build: makes the network, twice the same.
        rate: the highest learning rate.
        seed: of all that is random.
        decay: of weights, in a step, times the rate.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        build: Callable[[], Any],
        rate: float,
        seed: int,
        decay: float,
    ) -> None:
        self.state, self.log = folder / f"{name}.pt", folder / f"{name}.jsonl"
        self.name, self.seed, self.rate, self.step = name, seed, rate, 0
        self.model, self.average = build(), build().eval()
        learning = [each for each in self.model.parameters() if each.requires_grad]
        flat = [each for each in learning if each.ndim < 2]
        deep = [each for each in learning if each.ndim >= 2]
        groups: list[dict[str, Any]] = [{"params": deep}, {"params": flat, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(
            groups,
            rate,
            (0.9, 0.98),
            weight_decay=decay,
            fused=True,
        )
        folder.mkdir(parents=True, exist_ok=True)
        if self.state.is_file():
            state = torch.load(self.state, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]

    def save(self) -> None:
        """Replace the state's file."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        torch.save(state, self.state.with_suffix(".part"))
        self.state.with_suffix(".part").replace(self.state)

    def train(
        self,
        steps: int,
        until: int,
        loss: Callable[[Any, int], dict[str, torch.Tensor]],
        measure: Callable[[Any], dict[str, float]],
    ) -> str:
        """Train up to a step.

        Args:
            steps: of the whole stage, which set the learning rate.
            until: the step to stop at.
            loss: the parts of a step's loss, from the network and the step's number.
            measure: figures of the averaged network.

        Returns:
            SHA-256 of the weights.
        """
        self._forget()
        began, parts = time.monotonic(), list[dict[str, float]]()
        while self.step < until:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * share_at(self.step, steps)
            torch.manual_seed(self.seed * 1_000_003 + self.step)
            self.model.train()
            found = loss(self.model, self.step)
            torch.stack(list(found.values())).sum().backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.step += 1
            self._keep()
            parts.append({name: part.item() for name, part in found.items()})
            last = self.step == until
            if not last and self.step % SAY_EVERY:
                continue
            entry: dict[str, Any] = {"step": self.step, "seconds": round(time.monotonic() - began)}
            entry |= {n: round(float(np.mean([each[n] for each in parts])), 4) for n in parts[0]}
            parts.clear()
            if last or self.step % MEASURE_EVERY == 0:
                with torch.no_grad():
                    entry |= measure(self.average)
            if last or self.step % SAVE_EVERY == 0:
                self.save()
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")
            print(self.name, entry, flush=True)
        return digest(self.model)

    def _forget(self) -> None:
        """Take from the log what came after the state was last saved, which is made again."""
        if self.log.is_file():
            lines = self.log.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if json.loads(line)["step"] <= self.step]
            self.log.write_text("".join(kept), "utf-8")

    def _keep(self) -> None:
        """Move the averaged weights a little towards the new ones."""
        keep = min(AVERAGE, self.step / (self.step + 10))
        with torch.no_grad():
            for kept, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
                if now.requires_grad:
                    kept.lerp_(now, 1 - keep)


def share_at(step: int, steps: int) -> float:
    """The learning rate at a step, as a share of the highest."""
    return min(1.0, (step + 1) / WARM_UP, (steps - step) / (FALL * steps))


def digest(model: Any) -> str:
    """SHA-256 of a model's weights."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return total.hexdigest()
