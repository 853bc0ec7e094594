"""Beam search over the paths of Connectionist Temporal Classification, by flashlight-text.

A text's probability is the sum over all paths that spell it (Graves et al., ICML 2006); greedy
decoding looks at one path. The prefix beam search (Hannun et al., arXiv 1408.2873) keeps the best
beginnings of texts, with the rules of :mod:`word_model` where there are any.
"""

from __future__ import annotations

import numpy as np
from flashlight.lib.text.decoder import (
    LM,
    CriterionType,
    LexiconFreeDecoder,
    LexiconFreeDecoderOptions,
    ZeroLM,
)

WIDEST = 64
"""The largest beam of a request; together with :data:`TOKENS` it bounds the time of a step."""

WIDTH = 16
"""The beam of a request with a word list and without a width."""

TOKENS = 12
"""Tokens that are tried at a step, the likeliest."""

PAUSE = 0.999
"""Steps whose blank is at least this probable are taken for one: most are, and time goes there."""

THRESHOLD = 15.0
"""Texts this much less likely (natural logarithm) than the best are dropped."""


def best_path(
    log_probs: np.ndarray,
    blank: int,
    width: int,
    *,
    tokens: np.ndarray | None = None,
    rules: LM | None = None,
) -> np.ndarray:
    """The likeliest path of the likeliest text, INT [steps], as :func:`ctc.collapse` takes it.

    Args:
        log_probs: FP32 [steps, tokens].
        blank: the number of the token that means no token.
        width: how many texts are kept from step to step.
        tokens: INT [n], those that may be read, with the blank; None for all.
        rules: scores texts by the places of their tokens in ``tokens``; None for no scores.
    """
    if not len(log_probs):
        return np.zeros(0, np.int64)
    if tokens is None:
        tokens = np.arange(log_probs.shape[1])
    place = int(np.flatnonzero(tokens == blank)[0])
    pauses = log_probs[:, blank] >= np.log(PAUSE)
    starts = np.flatnonzero(~pauses | np.r_[True, ~pauses[:-1]])
    given = np.add.reduceat(log_probs[:, tokens].astype(np.float32), starts)
    if len(tokens) > TOKENS:
        # A text that no other token may follow needs the blank, so the blank is always tried.
        least = np.partition(given, -TOKENS + 1, axis=1)[:, -TOKENS + 1]
        given[:, place] = np.maximum(given[:, place], np.nextafter(least, np.float32(np.inf)))
    options = LexiconFreeDecoderOptions(
        beam_size=width,
        beam_size_token=min(TOKENS, len(tokens)),
        beam_threshold=THRESHOLD,
        lm_weight=1.0,
        sil_score=0.0,
        log_add=True,
        criterion_type=CriterionType.CTC,
    )
    # The decoder begins and ends at its token of silence; the blank does for it.
    decoder = LexiconFreeDecoder(options, rules or ZeroLM(), place, place, [])
    best = decoder.decode(given.ctypes.data, *given.shape)[0]
    lengths = np.diff(np.r_[starts, len(log_probs)])
    return np.repeat(tokens[np.array(best.tokens[1:-1])], lengths)
