"""A stream's pieces, however cut and whatever fails between them, give what a file gives.

The models behind are stand-ins: speech is where it is loud, and a window's "words" name its sound.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.asr.stages import stream
from builders.asr.stages.reading.words import Timing, Word
from builders.asr.stages.speech import cut_windows
from builders.asr.stages.speech.segmenter import FRAME, RATE
from builders.stages.decode_audio import resample
from builders.stages.level import Follower

Arrays = dict[str, np.ndarray]
Segments = list[tuple[bytes, float, float]]


def loud(waveform: np.ndarray) -> np.ndarray:
    """The probability of speech in each frame."""
    frames = np.pad(waveform, (0, -len(waveform) % FRAME)).reshape(-1, FRAME)
    return np.where(np.abs(frames).max(1, initial=0) > 0.1, 0.9, 0.0).astype(np.float32)


def named(row: np.ndarray, length: int) -> str:
    """A name that no other sound has."""
    return f"{length} {np.abs(row[:length]).sum():.4f} {np.abs(row[: length // 2]).sum():.4f}"


class Reader:
    """In the place of the reader: a row of "log-probabilities" holds its window."""

    timing = Timing(0.08, 0.0)

    def __init__(self, *_: object) -> None: ...

    def search(self, inputs: Mapping[str, np.ndarray]) -> None: ...

    def words(self, row: np.ndarray, *_: object) -> list[Word]:
        return [Word(named(row[:, 0], len(row)), 0, 5, 0.5)]


class Overloaded(RuntimeError):
    code = "UNAVAILABLE"


class Models:
    """The models that a stream calls; ``failing`` says, call by call, which are overloaded."""

    def __init__(self, failing: Sequence[bool] = ()) -> None:
        self.failing = list(failing)

    def __call__(self, name: str, requests: Sequence[Mapping[str, np.ndarray]]) -> list[Arrays]:
        if self.failing and self.failing.pop():
            raise Overloaded(f"{name} is overloaded")
        if name == stream.TRANSCRIBE:
            return [
                {"log_probs": each["windows"][:, :, None], "steps": each["lengths"]}
                for each in requests
            ]
        (asked,) = requests
        assert len(asked["waveform"]) % FRAME == 0
        last = asked["waveform"][-64:]
        return [
            {"speech": loud(asked["waveform"]), "next_context": last, "next_state": asked["state"]}
        ]


@pytest.fixture(autouse=True, scope="module")
def reader() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "Reader", Reader)
        yield


class Live:
    """One stream: pieces in, segments out."""

    def __init__(self, models: Callable[..., Any] | None = None) -> None:
        self.run = stream.prepare(Path(), {}, models or Models())
        self.state: dict[str, Any] = {}
        self.started = False
        self.found: Segments = []

    def send(self, piece: np.ndarray, rate: int | None = None, *, end: bool = False) -> Arrays:
        given: dict[str, Any] = {"samples": piece}
        if rate is not None:
            given["sample_rate"] = np.array([rate], np.int32)
        told = {"start": not self.started, "end": end, "correlation": 1, "state": self.state}
        answer = self.run(given | told)
        self.started = True
        texts, spans = answer["segment_text"], answer["segments"].tolist()
        self.found += [(text, *span) for text, span in zip(texts, spans, strict=True)]
        return answer


def whole(waveform: np.ndarray) -> Segments:
    """What a file of this sound gives, by the stage that cuts windows."""
    frames = np.pad(waveform, (0, -len(waveform) % FRAME))
    # Little is left of these sounds at another rate; what is looked through is as loud as usual.
    speech = loud(Follower().follow(frames)) if len(frames) else np.zeros(1, np.float32)
    cut = cut_windows.prepare(Path(), {"buckets": "3"})({"waveform": waveform, "speech": speech})
    found = []
    for (bucket, row), (start, end) in zip(cut["slots"], cut["spans"].tolist(), strict=True):
        length = cut[f"lengths_{bucket}"][row]
        found.append((named(cut[f"windows_{bucket}"][row], length).encode(), start, end))
    return found


def sound(runs: Sequence[tuple[bool, int]]) -> np.ndarray:
    """Loud and quiet stretches, of so many samples each, in no two places alike."""
    parts = [np.full(size, 0.5 if speaks else 0.01) for speaks, size in runs]
    flat = np.concatenate([*parts, np.zeros(0)])
    wave = flat * (1 + 0.3 * np.sin(np.arange(len(flat)) / 777)) * (-1.0) ** np.arange(len(flat))
    return wave.astype(np.float32)


def cut(waveform: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Pieces of these sizes in turn; the last is what remains, and may be of none."""
    pieces, rest = [], waveform
    for size in itertools.islice(itertools.cycle(sizes), 300):
        if len(rest) <= size:
            break
        pieces.append(rest[:size])
        rest = rest[size:]
    return [*pieces, *np.split(rest, range(400_000, len(rest), 400_000))]


Sounds = st.lists(st.tuples(st.booleans(), st.integers(1, 30_000)), max_size=12).map(sound)
Sizes = st.lists(
    st.one_of(st.sampled_from([0, 1, 511, 512, 513]), st.integers(2, 60_000)),
    min_size=1,
    max_size=8,
).filter(any)


@settings(max_examples=60, deadline=None)
@given(Sounds, Sizes)
def test_pieces_of_any_size_give_what_the_file_gives(
    waveform: np.ndarray, sizes: list[int]
) -> None:
    live = Live()
    *before, last = cut(waveform, sizes)
    for piece in before:
        live.send(piece)
    answer = live.send(last, end=True)
    assert live.found == whole(waveform)
    assert not len(answer["partial"]) and not len(answer["partial_start"])


@settings(max_examples=25, deadline=None)
@given(Sounds, Sizes, st.sampled_from([8_000, 44_100]))
def test_so_they_do_at_another_rate(waveform: np.ndarray, sizes: list[int], rate: int) -> None:
    live = Live()
    *before, last = cut(waveform, sizes)
    for piece in before:
        live.send(piece, rate)
    live.send(last, rate, end=True)
    wanted = whole(resample([waveform], rate))
    assert [each[1:] for each in live.found] == [each[1:] for each in wanted]
    assert live.found == wanted


@settings(max_examples=40, deadline=None)
@given(Sounds, Sizes, st.lists(st.booleans(), max_size=40))
def test_nothing_is_lost_when_models_are_overloaded_between(
    waveform: np.ndarray, sizes: list[int], failing: list[bool]
) -> None:
    models = Models()
    live = Live(models)
    live.send(waveform[:0])
    models.failing = failing
    for piece in cut(waveform, sizes):
        try:
            live.send(piece)
        except Overloaded:
            continue
    models.failing = []
    live.send(waveform[:0], end=True)
    assert live.found == whole(waveform)


@pytest.mark.parametrize("name", [stream.DETECT, stream.TRANSCRIBE])
def test_segments_of_an_overloaded_model_come_with_the_next_answer(name: str) -> None:
    broken = True

    def call(called: str, requests: Sequence[Mapping[str, np.ndarray]]) -> list[Arrays]:
        if broken and called == name:
            raise Overloaded
        return Models()(called, requests)

    live, waveform = Live(call), talk()
    broken = False
    live.send(waveform[:0])
    broken = True
    for piece in np.array_split(waveform, 7):
        try:
            live.send(piece)
        except Overloaded:
            assert not live.found
    broken = False
    live.send(waveform[:0])
    assert live.found == whole(waveform)


def talk() -> np.ndarray:
    return sound([(False, RATE), (True, 2 * RATE), (False, RATE), (True, RATE), (False, RATE)])


@pytest.mark.parametrize(
    ("piece", "rate", "sentence"),
    [
        (np.array([np.nan], np.float32), None, "NaN or infinite"),
        (np.array([np.inf], np.float32), None, "NaN or infinite"),
        (np.array([3000.0], np.float32), None, "divide integers"),
        (np.zeros(31 * RATE, np.float32), None, "at most 30 s"),
        (np.zeros(9, np.float32), 8_000, "began with 16000 Hz"),
        (np.zeros(9, np.float32), 0, "from 1000 to 768000"),
    ],
)
def test_a_refused_piece_is_as_if_it_had_not_been_sent(
    piece: np.ndarray, rate: int | None, sentence: str
) -> None:
    live, waveform = Live(), talk()
    for number, good in enumerate(np.array_split(waveform, 9)):
        if number:
            with pytest.raises(ValueError, match=sentence):
                live.send(piece, rate)
        live.send(good)
    live.send(waveform[:0], end=True)
    assert live.found == whole(waveform)


def test_a_request_without_samples_is_refused_in_one_sentence() -> None:
    run = stream.prepare(Path(), {}, Models())
    with pytest.raises(ValueError, match="send 'samples'"):
        run({"start": True, "end": False, "correlation": 1, "state": {}})


def test_the_open_segment_is_heard_while_it_grows_and_is_gone_when_it_ends() -> None:
    live, waveform = Live(), talk()
    partials = {}
    for number, piece in enumerate(np.split(waveform, range(RATE // 4, len(waveform), RATE // 4))):
        answer = live.send(piece)
        assert len(answer["partial"]) == len(answer["partial_start"])
        partials[(number + 1) / 4] = answer["partial_start"].tolist()
    # Speech from 1 s to 3 s and from 4 s to 5 s, each with 0.3 s of the pause before it; it has
    # ended when a pause of 0.6 s is known.
    assert [at for at, start in partials.items() if start] == [
        *(1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5),
        *(4.25, 4.5, 4.75, 5.0, 5.25, 5.5),
    ]
    assert {round(start[0], 1) for start in partials.values() if start} == {0.7, 3.7}


def test_what_is_kept_of_a_long_stream_is_bounded() -> None:
    live = Live()
    speech = sound([(True, 10 * RATE)])
    for _ in range(30):
        live.send(speech)
        kept: stream.Stream = live.state["stream"]
        assert len(kept._kept) <= 31 * RATE
        assert len(kept.frames) == len(kept.ended) == 0
    for _ in range(10):
        live.send(np.zeros(10 * RATE, np.float32))
    assert len(kept._kept) < RATE
    assert len(live.found) >= 15
