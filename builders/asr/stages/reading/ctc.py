"""Greedy decoding of Connectionist Temporal Classification (Graves et al., ICML 2006)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Token:
    """A token that was read.

    Attributes:
        index: its number in the vocabulary.
        start: the first step that it was read at.
        end: the step after the last.
        score: its mean probability there.
    """

    index: int
    start: int
    end: int
    score: float


def greedy(log_probs: np.ndarray, blank: int) -> list[Token]:
    """The best token of every step, repeats joined, blanks dropped.

    Args:
        log_probs: FP32 [steps, tokens].
        blank: the number of the token that stands for none.
    """
    return collapse(log_probs.argmax(1), log_probs, blank)


def collapse(best: np.ndarray, log_probs: np.ndarray, blank: int) -> list[Token]:
    """A path's tokens: equal neighbours are one, blanks none.

    Args:
        best: INT [steps], the path.
        log_probs: FP32 [steps, tokens], for the scores.
        blank: the number of the token that stands for none.
    """
    if not len(best):
        return []
    probability = np.exp(log_probs[np.arange(len(best)), best])
    starts = np.flatnonzero(np.concatenate(([True], best[1:] != best[:-1])))
    ends = np.append(starts[1:], len(best))
    scores = np.add.reduceat(probability, starts) / (ends - starts)
    read = zip(best[starts].tolist(), starts.tolist(), ends.tolist(), scores.tolist(), strict=True)
    return [Token(*token) for token in read if token[0] != blank]
