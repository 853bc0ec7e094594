"""A sound's segments of speech as batches for the acoustic model, in buckets of like lengths.

``waveform`` FP32 [samples] at 16 kHz, ``speech`` FP32 [frames], its probability in each 512 samples
-> ``windows_0`` .. FP32 [rows, length], zeros behind each row's own samples, ``lengths_0`` .. INT32
[rows], ``spans`` FP32 [segments, 2], each segment's start and end in seconds, ``slots`` INT32
[segments, 2]: the bucket and the row of each segment.

A bucket without segments holds one short window of silence, which no slot names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument
from builders.stages import buckets
from builders.stages.level import levelled

from .segmenter import FRAME, RATE, Rules, Segment, segments

LENGTHS = buckets.Costs(grain=1_600, call=8_000.0)
"""In samples: lengths are multiples of a tenth of a second; a call costs as much as half a one."""

SHORTEST = 3_200
"""Samples that a window has at least: with fewer the model has no steps to speak of."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; the parameter ``buckets`` is how many calls of the model there are."""
    count = int(parameters["buckets"])
    rules = Rules()

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        waveform, speech = inputs["waveform"], inputs["speech"]
        if len(speech) != max(-(-len(waveform) // FRAME), 1):
            raise InvalidArgument(
                f"expected a probability for each {FRAME} samples, as detect_speech gives them, "
                f"found {len(speech)} for {len(waveform)} samples"
            )
        found = segments(speech, len(waveform), rules)
        windows, slots = fill(waveform, found, count)
        spans = np.array([(each.start, each.end) for each in found], np.float32).reshape(-1, 2)
        outputs = {"spans": spans / RATE, "slots": slots}
        for number, (rows, lengths) in enumerate(windows):
            outputs |= {f"windows_{number}": rows, f"lengths_{number}": lengths}
        return outputs

    return run


def fill(
    waveform: np.ndarray, found: Sequence[Segment], count: int
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Windows of all segments in ``count`` buckets, with their lengths; each one's bucket and row.

    Args:
        waveform: FP32 [samples].
        found: the segments.
        count: of buckets.
    """
    sizes = np.array([max(each.end - each.start, SHORTEST) for each in found], np.int64)
    slots = np.zeros((len(found), 2), np.int32)
    made = []
    for number, members in enumerate(buckets.partition(sizes, count, LENGTHS)):
        made.append(batch(waveform, [found[member] for member in members.tolist()]))
        slots[members] = np.stack((np.full(len(members), number), np.arange(len(members))), 1)
    return made, slots


def batch(waveform: np.ndarray, members: Sequence[Segment]) -> tuple[np.ndarray, np.ndarray]:
    """Segments side by side, FP32 [rows, length], and the samples of each, INT32 [rows].

    Without any, one row of silence. A faint segment is made as loud as usual: in a stream nothing
    else does, and in a file another speaker may be loud.
    """
    lengths = np.array([max(each.end - each.start, SHORTEST) for each in members], np.int32)
    if not len(members):
        lengths = np.array([SHORTEST], np.int32)
    rows = np.zeros((len(lengths), buckets.padded_size(lengths, LENGTHS)), np.float32)
    for row, each in zip(rows, members, strict=False):
        row[: each.end - each.start] = levelled(waveform[each.start : each.end])
    return rows, lengths
