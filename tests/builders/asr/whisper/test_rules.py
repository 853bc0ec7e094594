"""The rules for the next token against transformers' own logits processors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import GenerationConfig
from transformers.generation.logits_process import (
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    WhisperTimeStampLogitsProcessor,
)

from builders.asr.whisper.rules import Rules
from tests.builders.asr.whisper.test_features import checkpoint

VOCABULARY, END, NO_STAMPS = 90, 40, 49
FIRST = NO_STAMPS + 1
PROMPT = [41, 42, 43]
SETTINGS = replace(
    checkpoint(80).generation,
    end=END,
    no_time_stamps=NO_STAMPS,
    initial=12,
    suppressed=(3, 44, 45, 46),
    suppressed_first=(7, END),
)


def expected(
    scores: torch.Tensor, sequences: torch.Tensor, stamped: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    config = GenerationConfig(
        eos_token_id=END, no_timestamps_token_id=NO_STAMPS, max_initial_timestamp_index=12
    )
    begin = len(PROMPT)
    scores = SuppressTokensAtBeginLogitsProcessor([7, END], begin)(sequences, scores)
    scores = SuppressTokensLogitsProcessor([3, 44, 45, 46])(sequences, scores)
    if stamped:
        scores = WhisperTimeStampLogitsProcessor(config, begin)(sequences, scores)
    chosen = scores.argmax(-1)
    return chosen, torch.log_softmax(scores, -1).gather(1, chosen[:, None])[:, 0]


@pytest.mark.parametrize("stamped", [True, False])
def test_every_token_and_its_probability_are_those_of_transformers(stamped: bool) -> None:
    rng = np.random.default_rng(0)
    rules = Rules(SETTINGS, VOCABULARY)
    rows = 60
    # Rows differ in how loud the time stamps are, so that each rule decides in some of them.
    slope = torch.from_numpy(rng.uniform(-4, 4, (rows, 1)).astype(np.float32))
    sequences = torch.tensor([PROMPT] * rows)
    history = torch.full((rows, 3), -1)
    seen = set()
    for step in range(25):
        scores = torch.from_numpy(rng.normal(0, 2, (rows, VOCABULARY)).astype(np.float32))
        scores[:, FIRST:] += slope
        chosen, log_probability, history = rules(
            scores, history, torch.full((rows, 1), step == 0), torch.full((rows, 1), stamped)
        )
        wanted, probability = expected(scores, sequences, stamped)
        assert chosen.tolist() == wanted.tolist()
        torch.testing.assert_close(log_probability, probability, atol=1e-5, rtol=1e-5)
        sequences = torch.cat([sequences, chosen[:, None]], 1)
        seen |= set(chosen.tolist())
    assert len(seen) > 70
