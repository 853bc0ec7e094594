"""The built acoustic model says what transformers says of the same checkpoint, at any lengths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.asr.ctc.parity import ACOUSTIC
from builders.asr.supported import PARAKEET
from builders.kit.sources import resolve
from repository.arrays import Arrays
from runtime.inprocess import InProcess
from tests.asr import sounds


@pytest.fixture(scope="module")
def checkpoint(asr_repository: Path) -> Path:
    """What the repository was built from."""
    manifest: Any = json.loads((asr_repository / "manifest.json").read_text())
    path = resolve(manifest["families"]["asr"]["sources"]["parakeet"]["uri"]).path
    assert json.loads((path / "config.json").read_text())["model_type"] == PARAKEET.model_type
    return path


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    spans=st.lists(
        st.tuples(st.integers(0, 200_000), st.integers(3200, 60_000)), min_size=1, max_size=5
    ),
    padding=st.integers(0, 4000),
)
def test_log_probabilities_are_transformers_at_any_lengths_and_batches(
    pipeline: InProcess, checkpoint: Path, spans: list[tuple[int, int]], padding: int
) -> None:
    rows = [sounds.talk()[start : start + size] for start, size in spans]
    length = max(map(len, rows)) + padding
    inputs = {
        "windows": np.stack([np.pad(row, (0, length - len(row))) for row in rows]),
        "lengths": np.array([len(row) for row in rows], np.int32),
    }
    found, wanted = pipeline.run("transcribe", inputs), ACOUSTIC.expected(checkpoint, inputs, {})
    np.testing.assert_array_equal(found["steps"], wanted["steps"])
    for row, steps in enumerate(wanted["steps"]):
        np.testing.assert_allclose(
            _floats(found, row, steps), _floats(wanted, row, steps), atol=5e-3
        )


def test_a_window_alone_says_what_it_says_among_others(pipeline: InProcess) -> None:
    """As a stream sends it, and as a file's segments are batched."""
    rows = [sounds.talk()[start : start + size] for start, size in ((8000, 33_000), (52_000, 9600))]
    together = pipeline.run(
        "transcribe",
        {
            "windows": np.stack([np.pad(row, (0, 40_000 - len(row))) for row in rows]),
            "lengths": np.array([len(row) for row in rows], np.int32),
        },
    )
    for number, row in enumerate(rows):
        alone = pipeline.run(
            "transcribe", {"windows": row[None], "lengths": np.array([len(row)], np.int32)}
        )
        steps = int(alone["steps"][0])
        assert steps == together["steps"][number]
        np.testing.assert_allclose(
            _floats(alone, 0, steps), _floats(together, number, steps), atol=1e-3
        )


def _floats(answer: Arrays, row: int, steps: int) -> npt.NDArray[np.float32]:
    return np.asarray(answer["log_probs"][row, :steps], np.float32)
