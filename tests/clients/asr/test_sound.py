"""Where a stream's sound comes from: whole, in order, and with one sentence when there is none."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from clients.asr.sound import RATE, SoundError, SoundFile, microphone, raw_pieces, standard_input


@given(st.binary(max_size=500), st.floats(0.0001, 0.01))
def test_raw_samples_come_whole_and_in_order(data: bytes, seconds: float) -> None:
    pieces = list(raw_pieces(io.BytesIO(data), seconds))
    found = np.concatenate([np.zeros(0, np.float32), *pieces])
    expected = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768
    np.testing.assert_array_equal(found, expected)


def test_a_file_comes_in_pieces_mono(tmp_path: Path) -> None:
    stereo = np.stack([np.linspace(0, 0.5, 5000), np.zeros(5000)], 1)
    soundfile.write(tmp_path / "s.wav", stereo, 8000, subtype="FLOAT")
    file = SoundFile(tmp_path / "s.wav")
    assert (file.rate, file.seconds) == (8000, 0.625)
    pieces = list(file.pieces(0.1))
    assert [len(piece) for piece in pieces] == [800] * 6 + [200]
    np.testing.assert_allclose(np.concatenate(pieces), stereo.mean(1), atol=1e-6)


def test_a_flac_that_does_not_say_how_long_it_is_is_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "s.flac"
    soundfile.write(file, np.zeros(8000), 16000)
    flac = file.read_bytes()
    # STREAMINFO's count of samples, 36 bits, is 0 where the writer could not go back to it.
    file.write_bytes(flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:])
    sound = SoundFile(file)
    assert sound.seconds == float("inf")
    assert sum(map(len, sound.pieces(0.1))) == 8000


@pytest.mark.parametrize(
    ("content", "kind"), [(b"RIFF1234WAVE", "a WAV"), (b"fLaC", "a FLAC"), (b"ID3\4", "an MP3")]
)
def test_a_sound_file_on_standard_input_is_refused_with_the_remedy(
    content: bytes, kind: str
) -> None:
    with pytest.raises(SoundError, match=f"holds {kind} file; .*ffmpeg -i FILE"):
        list(standard_input(io.BufferedReader(io.BytesIO(content)), 0.1))


def test_a_live_file_takes_as_long_as_it_lasts(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", np.zeros(8000), 16000)
    began = time.monotonic()
    list(SoundFile(tmp_path / "s.wav").pieces(0.1, live=True))
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize(
    ("name", "found"),
    [("none.wav", "No such file"), (".", "Is a directory"), ("t.txt", "not a sound")],
)
def test_what_is_no_sound_is_one_sentence(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / "t.txt").write_text("text")
    with pytest.raises(SoundError, match=found):
        SoundFile(tmp_path / name)


def recorder(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "arecord"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_microphone_gives_what_the_recorder_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder(tmp_path, "head -c 6400 /dev/zero", monkeypatch)
    assert sum(map(len, microphone(0.05))) == 3200 == 0.2 * RATE


def test_a_recorder_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder(tmp_path, "echo 'audio open error: No such device' >&2; exit 1", monkeypatch)
    with pytest.raises(SoundError, match="arecord ended with 1: audio open error: No such device"):
        list(microphone(0.05))


def test_a_recorder_is_ended_with_its_listener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder(tmp_path, f"echo $$ > {tmp_path}/pid; exec cat /dev/zero", monkeypatch)
    pieces = microphone(0.05)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()


def test_no_recorder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SoundError, match="install alsa-utils, or pipe"):
        list(microphone(0.05))
