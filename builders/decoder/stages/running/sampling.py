"""The choice of a token from logits: greedy, or at random by a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEAR = 1024
"""The likeliest tokens that are sorted first. Nearly always they hold the share ``top_p``, and all
tokens take many times as long to sort."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen, in OpenAI's words.

    Attributes:
        temperature: 0 takes the likeliest token each time.
        top_p: the likeliest tokens that together have this share are chosen from.
        top_k: so many of the likeliest are; 0 for all.
        frequency_penalty: taken from a token's logit for each time that it was generated.
        presence_penalty: taken once if it was.
        seed: of the random numbers.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int = 0


class Sampler:
    """Chooses the tokens of one request. What it draws depends on the seed and the logits alone.

    Args:
        sampling: how.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._random = np.random.Generator(np.random.Philox(sampling.seed))
        self._counts: dict[int, int] = {}
        self.penalises = bool(sampling.frequency_penalty or sampling.presence_penalty)

    @property
    def greedy(self) -> bool:
        """Whether it takes the largest logit, as it stands."""
        return not self._sampling.temperature and not self.penalises

    def choose(self, logits: np.ndarray) -> int:
        """The next token.

        Args:
            logits: FP32 [vocab].
        """
        if self.penalises:
            logits = self._penalised(logits)
        token = self._drawn(logits) if self._sampling.temperature else int(logits.argmax())
        if self.penalises:
            self._counts[token] = self._counts.get(token, 0) + 1
        return token

    def _penalised(self, logits: np.ndarray) -> np.ndarray:
        changed = logits.copy()
        for token, count in self._counts.items():
            changed[token] -= (
                self._sampling.frequency_penalty * count + self._sampling.presence_penalty
            )
        return changed

    def _drawn(self, logits: np.ndarray) -> int:
        sampling = self._sampling
        scaled = logits.astype(np.float64) / sampling.temperature
        weights = np.exp(scaled - scaled.max())
        tokens = None
        if sampling.top_k and sampling.top_k < len(weights):
            tokens = _likeliest(weights, sampling.top_k)
            weights = weights[tokens]
        if sampling.top_p < 1:
            near = _nucleus(weights, sampling.top_p)
            tokens = near if tokens is None else tokens[near]
            weights = weights[near]
        reached = np.cumsum(weights)
        at = int(np.searchsorted(reached, self._random.random() * reached[-1], side="right"))
        at = min(at, len(reached) - 1)
        return at if tokens is None else int(tokens[at])


def _likeliest(weights: np.ndarray, count: int) -> np.ndarray:
    """The tokens of the largest weights, the largest first; of equal ones the lower token."""
    if count < len(weights):
        near = np.argpartition(-weights, count - 1)[:count]
        near.sort()
    else:
        near = np.arange(len(weights))
    return near[np.argsort(-weights[near], kind="stable")]


def _nucleus(weights: np.ndarray, share: float) -> np.ndarray:
    """The fewest tokens that have that share of all weight, at least one."""
    wanted = share * weights.sum()
    near = _likeliest(weights, NEAR)
    if weights[near].sum() < wanted:
        near = _likeliest(weights, len(weights))
    return near[: int(np.searchsorted(np.cumsum(weights[near]), wanted)) + 1]
