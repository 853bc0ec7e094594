"""Streams whose clients do not keep to the order: what comes back is an answer or a sentence."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from tests.asr.sounds import talk
from tests.fuzz.case import Case, Outcome, Part
from tests.fuzz.media.media import insane
from tests.fuzz.target import Target

NAMES = (
    0,
    1,
    2**63,
    2**64 - 1,
    "",
    "a name",
    "é",
    "x" * 127,
    "x" * 128,
    "x" * 300,
    "a/b",
    "\0",
    "'\"",
)
"""Ids that are odd; Triton takes texts of up to 128 bytes."""


OVER = ("grpc", "http")


def piece(random: Random) -> dict[str, Any]:
    """The inputs of one request, good or not."""
    length = random.choice((0, 1, 160, 511, 512, 513, 1600, 4000))
    start = random.randrange(20_000)
    samples = talk(2.9)[start : start + length].copy()
    chance = random.random()
    if chance < 0.1 and length:
        values = (np.nan, np.inf, -np.inf, 65.0, 1e30, -3.4e38, 1e-45)
        samples[random.randrange(length)] = random.choice(values)
    elif chance < 0.15:
        samples = np.zeros(16_000 * 31, np.float32)
    inputs: dict[str, Any] = {"samples": samples}
    if random.random() < 0.3:
        rate = random.choice((16_000, 16_000, 8000, 44_100, 0, -1, 2**31 - 1))
        inputs["sample_rate"] = np.array([rate], np.int32)
    if random.random() < 0.05:
        inputs["beam"] = np.array([random.choice((1, 2, 64, 0, 65, -(2**31)))], np.int32)
    if random.random() < 0.05:
        words = random.choice(([b"light", b"on"], [b"\xff"], [b""], [], [b"on"] * 3))
        inputs["word_list"] = np.array(words, np.object_)
    if random.random() < 0.03:
        del inputs["samples"]
        inputs.setdefault("sample_rate", np.array([16_000], np.int32))
    return inputs


def stream(random: Random) -> Case:
    """Requests of one to three sequences in turns; starts and ends may be missing, or doubled."""
    ids: list[int | str] = [
        random.choice(NAMES) if random.random() < 0.1 else random.randrange(1, 2**40)
        for _ in range(random.choice((1, 1, 1, 2, 3)))
    ]
    requests = []
    length = random.choice((1, 2, 4, 6))
    for number in range(length):
        for one in ids:
            start = number == 0 if random.random() < 0.9 else random.random() < 0.5
            end = number == length - 1 if random.random() < 0.85 else random.random() < 0.5
            over = "http" if isinstance(one, int) and one >= 2**63 else random.choice(OVER)
            requests.append((one, start, end, over, piece(random)))

    def send(target: Target) -> list[Outcome]:
        outcomes = []
        for one, start, end, over, inputs in requests:
            outcome, outputs = target.ask(
                "asr_stream",
                inputs,
                over=over,
                sequence_id=one,
                sequence_start=start,
                sequence_end=end,
            )
            outcome.wrong = outcome.wrong or insane(outputs)
            outcomes.append(outcome)
        return outcomes

    return Case(f"{len(requests)} requests of sequences {ids}", send)


STREAMS = Part("streams", 1000, stream)
