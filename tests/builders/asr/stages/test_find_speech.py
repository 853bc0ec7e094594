"""One stage hears what the three that it joins hear one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from builders.asr import vad
from builders.asr.sound import speech_like
from builders.asr.stages import find_speech
from builders.asr.stages.speech import cut_windows
from builders.kit.sources import resolve
from builders.stages import decode_audio
from tests.asr import sounds

Arrays = Mapping[str, np.ndarray]
PARAMETERS = {"buckets": "3", "maximum_seconds": "30", "longer": "send it in parts"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version folder with the detector beside the stage."""
    made = tmp_path_factory.mktemp("find_speech")
    source = resolve("package:silero_vad/data/silero_vad_16k_sequence.onnx").path
    vad.whole(source, made / find_speech.DETECTOR)
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> Callable[[Arrays], dict[str, np.ndarray]]:
    return find_speech.prepare(folder, PARAMETERS)


@pytest.mark.parametrize(
    "inputs",
    [
        sounds.file(sounds.TALK.read_bytes()),
        sounds.file(sounds.encoded(sounds.talk(3.0), form="FLAC")),
        sounds.given(np.zeros(0, np.float32)),
        sounds.given(np.zeros(1, np.float32)),
        sounds.given(speech_like(70_001, 3)),
    ],
    ids=["wav", "flac", "empty", "one sample", "samples"],
)
def test_it_is_the_three_stages_in_one(
    folder: Path, run: Callable[[Arrays], dict[str, np.ndarray]], inputs: Arrays
) -> None:
    heard = decode_audio.prepare(folder, PARAMETERS)(inputs)
    detector = onnxruntime.InferenceSession(str(folder / find_speech.DETECTOR))
    (speech,) = detector.run(["speech"], heard)
    wanted = cut_windows.prepare(folder, PARAMETERS)({**heard, "speech": speech})
    found = run(inputs)
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_speech_is_found_in_the_talk(run: Callable[[Arrays], dict[str, np.ndarray]]) -> None:
    found = run(sounds.file(sounds.TALK.read_bytes()))
    assert len(found["spans"]) == 5


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({}, "found neither"),
        (sounds.file(b"no sound at all"), "not a sound file that can be read"),
        (sounds.given(np.zeros(31 * sounds.RATE, np.float32)), "more than the 30 s"),
        (sounds.given(np.full(9, np.nan, np.float32)), "NaN or infinite"),
    ],
)
def test_what_cannot_be_decoded_is_refused_in_its_sentence(
    run: Callable[[Arrays], dict[str, np.ndarray]], inputs: Arrays, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        run(inputs)
