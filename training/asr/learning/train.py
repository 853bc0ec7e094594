"""Training: AdamW, a learning rate that rises, stays and falls, averaged weights.

What a step does depends on the seed, the step's number and the weights, so a run that was cut off
goes on as if it had not been. The total number of steps decides only when the rate begins to fall.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.asr.learning import model as network
from training.asr.learning.batches import IGNORED, Batch, Items, schedule
from training.asr.publish.evaluation import Measured
from training.asr.text import tokenizer as pieces

PEAK_RATE, WARM_UP, WEIGHT_DECAY, CLIP = 2e-3, 300, 0.01, 2.0
FALL = 0.35
"""The share of the steps in which the learning rate falls to nothing."""

AVERAGE = 0.998
"""Of the running average of weights that is evaluated and kept."""

SAVE_EVERY, MEASURE_EVERY = 100, 500


class Run:
    """A training run's state, in a folder.

    Args:
        folder: ``state.pt`` (this run's own, not a checkpoint to publish) and ``log.jsonl``.
        seed: of weights, order and masks.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.model = network.build(seed)
        # A quarter less time a step: these convolutions are slow backwards in bf16.
        subsampling = self.model.encoder.subsampling.to(memory_format=torch.channels_last)
        subsampling.forward = torch.autocast("cpu", enabled=False)(subsampling.forward)
        self.average = network.build(seed).eval()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), PEAK_RATE, (0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True
        )
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "state.pt").is_file():
            state = torch.load(folder / "state.pt", weights_only=True)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]

    def save(self) -> None:
        """Replace ``state.pt``."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        torch.save(state, self.folder / "state.part")
        (self.folder / "state.part").replace(self.folder / "state.pt")

    def learn(self, batch: Batch, rate: float) -> tuple[float, float]:
        """One step; gives the CTC loss and, where the batch is aligned, that of its outputs."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(self.seed * 1_000_003 + self.step)
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.model(batch.features, attention_mask=batch.mask).logits
        lengths = torch.tensor([network.frames_out(int(n)) for n in batch.lengths])
        ctc = torch.nn.functional.ctc_loss(
            logits.float().log_softmax(-1).transpose(0, 1),
            batch.labels,
            lengths,
            batch.label_lengths,
            blank=self.model.config.pad_token_id,
            zero_infinity=True,
        )
        told = torch.zeros(())
        if batch.targets is not None:
            told = torch.nn.functional.cross_entropy(
                logits.float().transpose(1, 2), batch.targets, ignore_index=IGNORED
            )
        (ctc + told).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        keep = min(AVERAGE, self.step / (self.step + 10))
        with torch.no_grad():
            for kept, now in zip(
                self.average.state_dict().values(), self.model.state_dict().values(), strict=True
            ):
                if kept.is_floating_point():
                    kept.lerp_(now, 1 - keep)
                else:
                    kept.copy_(now)
        return float(ctc.item()), float(told.item())

    def digest(self) -> str:
        """SHA-256 of the weights, to compare two runs."""
        return digest(self.model)


def digest(model: Any) -> str:
    """SHA-256 of a model's weights."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return total.hexdigest()


def rate_at(step: int, steps: int, again: int) -> float:
    """The learning rate: it rises, stays and falls in ``steps``, then once more in ``again``.

    The second time it rises to half, and falls at once.
    """
    if step >= steps:
        return PEAK_RATE / 2 * min(1.0, (step - steps + 1) / 100) * (1 - (step - steps) / again)
    rising = min(1.0, (step + 1) / WARM_UP)
    falling = min(1.0, (steps - step) / (FALL * steps))
    return PEAK_RATE * min(rising, falling)


def train(
    corpus: Path,
    folder: Path,
    *,
    seed: int,
    count: int,
    steps: int,
    again: int,
    until: int,
    threads: int,
) -> str:
    """Train, or go on training.

    Args:
        corpus: what ``corpus.write`` wrote.
        folder: gets the run's state and ``log.jsonl``.
        seed: of all of it.
        count: items in the corpus.
        steps: of the first stretch, which set its learning rate.
        again: of a second, in which speakers are joined in one recording.
        until: the step to stop at, at most both together.
        threads: of torch; another number may change the sums' last bits.

    Returns:
        SHA-256 of the weights.
    """
    torch.set_num_threads(threads)
    run = Run(folder, seed)
    tokenizer = pieces.build()
    items = Items(corpus, tokenizer)
    measured = Measured(seed + 1, 150) if until > MEASURE_EVERY else None
    torch.set_num_threads(threads)
    began, losses = time.monotonic(), list[tuple[float, float]]()
    for number, chosen in itertools.islice(schedule(items, seed, count), run.step, until):
        rng = np.random.default_rng([seed, 3, run.step])
        batch = items.batch(chosen, rng, number, joined=run.step >= steps)
        losses.append(run.learn(batch, rate_at(run.step, steps, again)))
        if run.step % SAVE_EVERY and run.step != until:
            continue
        run.save()
        entry: dict[str, Any] = {
            "step": run.step,
            "round": number,
            "ctc_loss": round(float(np.mean([ctc for ctc, _ in losses])), 4),
            "aligned_loss": round(float(np.mean([told for _, told in losses])), 4),
            "seconds": round(time.monotonic() - began),
        }
        if measured and (run.step % MEASURE_EVERY == 0 or run.step == until):
            entry |= measured.word_error_rates(run.average, tokenizer)
        losses.clear()
        with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        print(entry, flush=True)
    return run.digest()
