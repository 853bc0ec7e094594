"""Both graphs say what Silero's own stepwise graph says, of a whole sound and of any pieces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.asr import vad
from builders.asr.sound import speech_like
from builders.asr.vad.parity import STEPWISE
from builders.kit.sources import SourceError, resolve
from tests.asr import sounds

CHECKPOINT = "package:silero_vad/data/silero_vad_16k_sequence.onnx"


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def graphs(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[onnxruntime.InferenceSession, ...]:
    """For a whole sound, for a stream, and Silero's own for one frame after the other."""
    folder = tmp_path_factory.mktemp("vad")
    source = resolve(CHECKPOINT).path
    vad.whole(source, folder / "whole.onnx")
    vad.stream(source, folder / "stream.onnx")
    return tuple(
        session(each)
        for each in (folder / "whole.onnx", folder / "stream.onnx", resolve(STEPWISE).path)
    )


def stepwise(silero: onnxruntime.InferenceSession, waveform: np.ndarray) -> np.ndarray:
    padded = np.pad(waveform, (0, -len(waveform) % 512 if len(waveform) else 512))
    context, state, found = np.zeros(64, np.float32), np.zeros((2, 1, 128), np.float32), []
    for frame in padded.reshape(-1, 512):
        fed = {"input": np.concatenate((context, frame))[None], "state": state}
        probability, state = silero.run(None, fed | {"sr": np.array(16_000, np.int64)})
        context = frame[-64:]
        found.append(probability.item())
    return np.array(found, np.float32)


@pytest.mark.thorough
def test_processes_with_other_hash_seeds_write_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from builders.asr import vad\n"
        "source, out = map(Path, sys.argv[1:])\n"
        "vad.whole(source, out / 'whole.onnx'); vad.stream(source, out / 'stream.onnx')"
    )
    written = set()
    for seed in ("1", "2", "3"):
        out = tmp_path / seed
        out.mkdir()
        subprocess.run(
            [sys.executable, "-c", code, str(resolve(CHECKPOINT).path), str(out)],
            check=True,
            cwd=Path(vad.__file__).parents[3],
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        written.add(tuple((out / f"{name}.onnx").read_bytes() for name in ("whole", "stream")))
    assert len(written) == 1


Waveforms = st.one_of(
    st.integers(0, 3000).map(lambda size: speech_like(size, 1)),
    st.tuples(st.integers(0, 200_000), st.integers(512, 30_000)).map(
        lambda cut: sounds.talk()[cut[0] : cut[0] + cut[1]]
    ),
)


@settings(max_examples=20, deadline=None)
@given(Waveforms)
def test_a_whole_sound_is_heard_as_frame_by_frame(
    graphs: tuple[onnxruntime.InferenceSession, ...], waveform: np.ndarray
) -> None:
    whole, _, silero = graphs
    (speech,) = whole.run(None, {"waveform": waveform})
    np.testing.assert_allclose(speech, stepwise(silero, waveform), atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100_000), st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_pieces_are_heard_as_frame_by_frame(
    graphs: tuple[onnxruntime.InferenceSession, ...], start: int, frames: list[int]
) -> None:
    _, stream, silero = graphs
    waveform = sounds.talk()[start : start + 512 * sum(frames)]
    context, state, found = np.zeros(64, np.float32), np.zeros((2, 1, 128), np.float32), []
    for piece in np.split(waveform, 512 * np.cumsum(frames)[:-1]):
        fed = {"waveform": piece, "context": context, "state": state}
        speech, context, state = stream.run(["speech", "next_context", "next_state"], fed)
        found.append(speech)
    np.testing.assert_allclose(np.concatenate(found), stepwise(silero, waveform), atol=1e-4)


def test_speech_is_told_from_silence_and_noise(
    graphs: tuple[onnxruntime.InferenceSession, ...],
) -> None:
    whole, _, _ = graphs
    noise = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    for quiet in (np.zeros(32_000, np.float32), noise):
        assert whole.run(None, {"waveform": quiet})[0].max() < 0.5
    assert (whole.run(None, {"waveform": sounds.talk(3)})[0] > 0.5).mean() > 0.4


def test_another_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected Silero VAD's sequence graph"):
        vad.whole(resolve(STEPWISE).path, tmp_path / "out.onnx")
    model = onnx.load(resolve(CHECKPOINT).path)
    model.opset_import[0].version = 17
    onnx.save(model, tmp_path / "newer.onnx")
    with pytest.raises(SourceError, match="opset 17"):
        vad.stream(tmp_path / "newer.onnx", tmp_path / "out.onnx")
