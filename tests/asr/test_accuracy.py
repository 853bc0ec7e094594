"""What is read in the shipped examples, and how soon after it was said a stream shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import jiwer
import numpy as np
import pytest

from clients.asr.client import AsrClient
from runtime.inprocess import InProcess
from runtime.server.server import LocalServer
from tests.asr import sounds
from training.asr.publish import sounds as talk
from training.asr.sound import speech

BEHIND = 1.0
"""Seconds that a partial result may be behind the speech."""

PIECE = round(0.3 * sounds.RATE)
"""Samples of a live piece, as the command sends them."""

TALKS = sorted(each for each in sounds.EXAMPLES.glob("talk*") if each.suffix != ".txt")


@dataclass(frozen=True)
class Said:
    """A word of the talk, and when espeak-ng says it, in seconds."""

    text: str
    start: float
    end: float


@pytest.fixture(scope="module")
def said() -> list[Said]:
    """The talk's words, but those that espeak-ng runs together with the one before."""
    found, at = [], 0.5
    for number, sentence in enumerate(talk.TALK):
        spoken = speech.say(sentence, talk._SPEAKER)
        length = len(spoken.sound) / spoken.rate
        places = [*(start / spoken.rate for start in spoken.starts), length]
        for word, start, end in zip(sentence.split(), places[:-1], places[1:], strict=True):
            if start >= 0 and end >= 0:
                found.append(Said(word, at + start, at + end))
        at += length + (9 + 2 * (number % 3)) / 10
    assert at == pytest.approx(len(sounds.talk()) / sounds.RATE, abs=0.001)
    return found


def matched(said: Sequence[Said], read: Sequence[str]) -> list[tuple[Said, int]]:
    """Words that were read, with their numbers among those."""
    matcher = SequenceMatcher(None, [each.text for each in said], read, autojunk=False)
    return [
        (said[block.a + at], block.b + at)
        for block in matcher.get_matching_blocks()
        for at in range(block.size)
    ]


@pytest.mark.parametrize("file", TALKS, ids=lambda file: file.name)
def test_the_shipped_talks_are_read(pipeline: InProcess, file: Path) -> None:
    """At most one word in eight wrong: these sentences and voices are not in training."""
    wanted = file.with_suffix(".txt").read_text()
    (text,) = pipeline.run("asr", sounds.file(file.read_bytes()))["text"]
    assert jiwer.wer(" ".join(wanted.split()), text.decode()) <= 1 / 8, text


def test_words_have_the_times_at_which_they_are_said(pipeline: InProcess, said: list[Said]) -> None:
    answer = pipeline.run("asr", sounds.given(sounds.talk()))
    found = matched(said, [word.decode() for word in answer["words"]])
    assert len(found) >= 0.8 * len(said)
    spans = [(answer["word_times"][number], word) for word, number in found]
    late = np.array([start - word.start for (start, _), word in spans])
    assert np.abs(late).max() < 0.4 and np.abs(late).mean() < 0.12, late
    shared = sum(max(0, min(end, w.end) - max(start, w.start)) for (start, end), w in spans)
    covered = sum(max(end, w.end) - min(start, w.start) for (start, end), w in spans)
    assert shared / covered > 0.5


def live(client: AsrClient, sound: np.ndarray) -> tuple[list[tuple[float, str]], list[float]]:
    """Sends a sound as it is spoken.

    Returns:
        What was shown, with the seconds since the sound began; and each answer's seconds.
    """
    shown: list[tuple[float, str]] = []
    took: list[float] = []
    began = time.monotonic()
    sent = began

    def pieces() -> Iterator[np.ndarray]:
        nonlocal sent
        for end in range(PIECE, len(sound) + PIECE, PIECE):
            piece = sound[end - PIECE : end]
            heard = began + (end - PIECE + len(piece)) / sounds.RATE
            time.sleep(max(heard - time.monotonic(), 0))
            sent = time.monotonic()
            yield piece
        sent = time.monotonic()

    text = ""
    for heard in client.stream(pieces()):
        took.append(time.monotonic() - sent)
        text += "".join(f" {each.text}" for each in heard.ended)
        shown.append((time.monotonic() - began, f"{text} {heard.partial}"))
    return shown, took


def delays(shown: list[tuple[float, str]], said: Sequence[Said]) -> list[float]:
    """For each word that was read the seconds from its end to its first showing in its place."""
    return [
        next(at for at, text in shown if text.split()[number : number + 1] == [word.text])
        - word.end
        for word, number in matched(said, shown[-1][1].split())
    ]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("streams", [1, 4])
def test_partial_results_are_at_most_a_second_behind_the_speech(
    asr_server: LocalServer, said: list[Said], streams: int
) -> None:
    """From a word's end, as espeak-ng says it, to its first showing; pieces of 0.3 s."""
    found: list[float] = []
    answered: list[float] = []

    def listen() -> None:
        with AsrClient(asr_server.grpc) as client:
            shown, took = live(client, sounds.talk())
        found.extend(delays(shown, said))
        answered.extend(took)

    threads = [threading.Thread(target=listen) for _ in range(streams)]
    for number, thread in enumerate(threads):
        thread.start()
        time.sleep(0.11 * (number + 1))
    for thread in threads:
        thread.join()
    assert len(found) >= 0.8 * streams * len(said)
    p95, most = np.percentile(found, 95), max(found)
    print(
        f"{streams} streams: a word is shown {np.median(found):.2f} s after its end (median), "
        f"{p95:.2f} s (95 %), {most:.2f} s (most); a piece is answered in "
        f"{1000 * np.median(answered):.0f} ms (median), {1000 * max(answered):.0f} ms (most)"
    )
    assert most <= BEHIND
