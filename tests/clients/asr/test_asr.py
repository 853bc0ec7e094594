"""``python -m clients asr`` as a stranger uses it: files, pipes, a microphone, a terminal."""

from __future__ import annotations

import fcntl
import html
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from clients.asr.captions import line
from clients.asr.client import AsrClient
from clients.cli.app import app
from clients.connection.errors import RequestError
from runtime.server.server import LocalServer
from tests.asr import sounds
from tests.terminals import written

LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \d\d:\d\d:\d\d\.\d{3}  \S.*")


def started(
    *arguments: str, url: str = "127.0.0.1:1", path: Path | None = None, **options: Any
) -> subprocess.Popen[str]:
    environment = os.environ | {"TRITON_GRPC": url}
    # A terminal's own width counts, where nobody has set another.
    environment.pop("COLUMNS", None)
    if path is not None:
        environment["PATH"] = f"{path}:{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-m", "clients", "asr", *arguments],
        env=environment,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options,
    )


def command(*arguments: str, **options: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    process = started(*arguments, **options)
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


@pytest.fixture(scope="module")
def lines(asr_server: LocalServer) -> list[str]:
    """The talk's segments as the command prints them."""
    with AsrClient(asr_server.grpc) as client:
        found = [line(each) for each in client.transcribe(sounds.TALK.read_bytes())]
    assert len(found) >= 4 and all(map(LINE.fullmatch, found))
    return found


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The talk's first sentences as a recorder writes them, and a second of silence."""
    file = tmp_path_factory.mktemp("raw") / "talk.raw"
    samples = np.concatenate((sounds.talk(6.0), np.zeros(sounds.RATE)))
    file.write_bytes(np.round(samples * 32768).astype("<i2").tobytes())
    return file


def test_a_file_is_printed_as_lines_subtitles_or_json(
    asr_server: LocalServer, lines: list[str]
) -> None:
    talk, url = str(sounds.TALK), asr_server.grpc
    processes = [
        started(talk, *options, url=url)
        for options in ((), ("--srt",), ("--vtt",), ("--json",), ("--model", "asr_bls"))
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 5
    assert {errors for _, errors in answers} == {""}
    plain, srt, vtt, listed, bls = (output for output, _ in answers)
    assert plain.splitlines() == bls.splitlines() == lines
    words = " ".join(each[27:] for each in lines).split()
    for subtitles in (srt, vtt):
        told = html.unescape(re.sub(r"(?m)^(\d+|WEBVTT|.* --> .*)$", "", subtitles))
        assert told.split() == words
    assert srt.startswith("1\n00:00:0") and vtt.startswith("WEBVTT\n\n00:00:0")
    segments = json.loads(listed)
    assert [word["text"] for each in segments for word in each["words"]] == words
    assert [each["text"] for each in segments] == [each[27:] for each in lines]
    assert all(0 <= each["start"] < each["end"] and 0 < each["score"] <= 1 for each in segments)


def test_samples_on_standard_input_are_read_until_they_end(
    asr_server: LocalServer, raw: Path, lines: list[str]
) -> None:
    with raw.open("rb") as samples:
        code, output, errors = command("-", url=asr_server.grpc, stdin=samples)
    assert (code, errors) == (0, "")
    assert output.splitlines()[0] == lines[0]
    code, output, errors = command("-", url=asr_server.grpc, stdin=subprocess.DEVNULL)
    assert (code, output, errors) == (0, "", "no speech found\n")


def test_a_reader_that_goes_away_ends_the_command_quietly(
    asr_server: LocalServer, raw: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "clients", "asr", "-"],
        env=os.environ | {"TRITON_GRPC": asr_server.grpc},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin and process.stdout and process.stderr
    process.stdin.write(raw.read_bytes()[: 6 * 32_000])
    process.stdin.flush()
    assert process.stdout.readline()
    process.stdout.close()
    try:
        process.stdin.write(raw.read_bytes() * 3)
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.stderr.read() == b""
    assert process.wait(120) in (0, 1)


def recorder(folder: Path, raw: Path) -> Path:
    """A folder with an ``arecord`` that plays the file at its own pace, then silence."""
    program = folder / "arecord"
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, sys, time\n"
        f"open({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        f"sound = open({str(raw)!r}, 'rb').read() + bytes(32_000 * 60)\n"
        "began = time.monotonic()\n"
        "for place in range(0, len(sound), 3200):\n"
        "    time.sleep(max(began + place / 32_000 - time.monotonic(), 0))\n"
        "    sys.stdout.buffer.write(sound[place : place + 3200])\n"
        "    sys.stdout.buffer.flush()\n"
    )
    program.chmod(0o755)
    return folder


@pytest.mark.thorough
def test_ctrl_c_ends_a_microphone_and_the_last_segment_is_printed(
    asr_server: LocalServer, raw: Path, tmp_path: Path, lines: list[str]
) -> None:
    """Three listeners, interrupted at other moments: in the first segment, in a pause, later."""
    listeners = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        listeners.append(
            started(
                "--microphone",
                url=asr_server.grpc,
                path=recorder(folder, raw),
                # A terminal's Ctrl-C reaches all processes of its foreground group.
                start_new_session=True,
            )
        )
    while not all((tmp_path / f"{number}/pid").exists() for number in range(3)):
        time.sleep(0.05)
    began = time.monotonic()
    for wait, process in zip((1.7, 2.15, 3.03), listeners, strict=True):
        time.sleep(max(began + wait - time.monotonic(), 0))
        os.killpg(process.pid, signal.SIGINT)
    for process in listeners:
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
        assert output.splitlines() and all(map(LINE.fullmatch, output.splitlines()))
        assert output[:13] == lines[0][:13]
    for number in range(3):
        assert not Path("/proc", (tmp_path / f"{number}/pid").read_text()).exists()


def run(*arguments: str, url: str) -> tuple[int, str, str]:
    """As :func:`command`, in this process."""
    result = CliRunner().invoke(app, ["asr", *arguments], env={"TRITON_GRPC": url})
    return result.exit_code, result.stdout, result.stderr


def at_a_terminal(*arguments: str, url: str, columns: int = 40) -> tuple[int, str]:
    """Exit code, and all that was written to a terminal so wide."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = started(*arguments, url=url, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    found = written(mine)
    return process.wait(120), found


def screen(written: str) -> list[str]:
    """The lines that are left when all is written."""
    return [each.split("\r\x1b[K")[-1].rstrip("\r") for each in written.split("\n")]


@pytest.mark.thorough
def test_on_a_terminal_the_words_so_far_stand_in_a_line_that_leaves_nothing(
    asr_server: LocalServer, tmp_path: Path
) -> None:
    file = tmp_path / "short.wav"
    file.write_bytes(sounds.encoded(sounds.talk(2.7)))
    with AsrClient(asr_server.grpc) as client:
        wanted = [line(each) for each in client.transcribe(file.read_bytes())]
    code, written = at_a_terminal(str(file), "--live", url=asr_server.grpc)
    assert code == 0
    assert screen(written) == [*wanted, ""]
    shown = [each for each in re.split(r"\r\x1b\[K", written) if each and "\n" not in each]
    assert len(shown) >= 3 and all(len(each) < 40 for each in shown)


@pytest.mark.thorough
def test_on_a_terminal_it_is_said_that_a_server_is_asked_again() -> None:
    wave = str(sounds.TALK)
    code, written = at_a_terminal(wave, "--patience=1", url="127.0.0.1:1", columns=200)
    said = "no server answers at 127.0.0.1:1; start one with `python -m runtime serve`"
    assert (code, screen(written)) == (1, [f"error: {said}", ""])
    assert f"{said}; it is asked again" in written
    code, _, errors = run(wave, "--beam", "3000000000", url="127.0.0.1:1")
    assert code == 2 and "Traceback" not in errors


@pytest.mark.thorough
def test_a_long_file_is_streamed_and_its_segments_are_those_of_one_request(
    asr_server: LocalServer, lines: list[str], tmp_path: Path
) -> None:
    """Eleven minutes, of which most is silence."""
    file = tmp_path / "long.flac"
    silence = np.zeros(642 * sounds.RATE, np.float32)
    file.write_bytes(sounds.encoded(np.concatenate((sounds.talk(), silence)), form="FLAC"))
    code, written = at_a_terminal(str(file), url=asr_server.grpc, columns=100)
    assert (code, screen(written)) == (0, [*lines, ""])
    assert "11 of 11 minutes" in written
    code, output, errors = run(str(file), "--model", "nowhere", url=asr_server.grpc)
    assert (code, output) == (1, "") and errors.startswith("error: ")


@pytest.mark.thorough
def test_a_recording_whose_length_was_never_written_is_read_live_long_and_at_once(
    asr_server: LocalServer, tmp_path: Path
) -> None:
    """Also behind a picture of 100 kB."""
    with AsrClient(asr_server.grpc) as client:
        wanted = [line(each) for each in client.transcribe_samples(sounds.talk(2.9), sounds.RATE)]
    sound = np.concatenate((sounds.talk(2.9), np.zeros(305 * sounds.RATE, np.float32)))
    for name, end in (("short.wav", 3.2), ("long.wav", 307.0)):
        whole = sounds.encoded(sound[: round(end * sounds.RATE)])
        place = whole.index(b"data")
        picture = b"id3 " + struct.pack("<I", 100_000) + bytes(100_000)
        start = whole[:4] + bytes(4) + whole[8:place] + picture
        (tmp_path / name).write_bytes(start + b"data" + bytes(4) + whole[place + 8 :])
    for arguments in (("short.wav",), ("short.wav", "--live"), ("long.wav",)):
        file, *options = arguments
        found = run(str(tmp_path / file), *options, url=asr_server.grpc)
        assert found == (0, "".join(f"{each}\n" for each in wanted), ""), arguments


@pytest.mark.parametrize("model", ["asr", "asr_whisper"])
def test_a_sound_that_the_server_finds_too_long_is_streamed_where_it_can_be(
    asr_server: LocalServer, lines: list[str], monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """A profile may allow a request less than five minutes."""

    def refuse(self: AsrClient, audio: bytes, **options: Any) -> None:
        told = "the sound lasts more than the 5 s that a request may have; stream it as you did"
        raise RequestError("INVALID_ARGUMENT", told)

    monkeypatch.setattr(AsrClient, "transcribe", refuse)
    code, output, errors = run(str(sounds.TALK), "--model", model, url=asr_server.grpc)
    if model == "asr":
        assert (code, output.splitlines(), errors) == (0, lines, "")
    else:
        assert (code, output) == (1, "") and "as you did" not in errors
        assert "asr_whisper cannot be asked: the sound lasts more than the 5 s" in errors


def failing(tmp_path: Path) -> list[tuple[Sequence[str], int, str]]:
    (tmp_path / "text.wav").write_text("text")
    soundfile.write(tmp_path / "good.wav", sounds.talk(1), sounds.RATE)
    good = str(tmp_path / "good.wav")
    return [
        ((str(tmp_path / "none.wav"),), 1, "No such file"),
        ((str(tmp_path),), 1, "Is a directory"),
        ((str(tmp_path / "text.wav"),), 1, "not a sound file"),
        ((good, "--url", "127.0.0.1:1", "--patience=0"), 1, "no server answers at 127.0.0.1:1"),
        (
            (good, "--live", "--url", "127.0.0.1:1", "--patience=0"),
            1,
            "no server answers at 127.0.0.1:1",
        ),
        ((good, "--model", "nowhere"), 1, "nowhere"),
        ((good, "--language", "en"), 1, "language"),
        ((good, "--url", "user:secret@127.0.0.1:8001"), 2, "has a user or a password"),
        ((), 2, "name one sound"),
        ((good, "--microphone"), 2, "name one sound"),
        ((good, "--srt", "--vtt"), 2, "choose one of"),
        (("--microphone", "--task", "translate"), 2, "not sent live"),
    ]


def test_failures_are_one_sentence_and_an_exit_code(
    asr_server: LocalServer, tmp_path: Path
) -> None:
    for arguments, code, sentence in failing(tmp_path):
        found, output, errors = run(*arguments, url=asr_server.grpc)
        assert (found, output) == (code, ""), (arguments, errors)
        assert sentence in errors, arguments
        if code == 1:
            assert errors.startswith("error: ") and errors.count("\n") == 1, errors
    with sounds.TALK.open("rb") as talk:
        code, output, errors = command("-", url=asr_server.grpc, stdin=talk)
    assert (code, output) == (1, "")
    assert errors.startswith("error: standard input holds a WAV file") and errors.count("\n") == 1


def test_words_are_those_of_their_segments(asr_server: LocalServer) -> None:
    with AsrClient(asr_server.grpc) as client:
        segments = client.transcribe_samples(sounds.talk(), sounds.RATE)
        assert segments == client.transcribe_file(sounds.TALK)
        with pytest.raises(RequestError, match="NaN") as refused:
            client.transcribe_samples(np.full(9, np.nan, np.float32), sounds.RATE)
        assert refused.value.code == "INVALID_ARGUMENT"
        assert client.transcribe_samples(np.zeros(9, np.float32), sounds.RATE) == []
    for each in segments:
        assert " ".join(word.text for word in each.words) == each.text
        assert all(each.start <= word.start <= word.end <= each.end for word in each.words)


def test_a_word_that_lasts_no_time_where_segments_meet_is_in_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = {
        "segment_text": np.array([b"one two", "drei, 四五。".encode()], np.object_),
        "segments": np.array([[0, 2], [2, 3]], np.float32),
        "scores": np.ones(2, np.float32),
        "words": np.array([w.encode() for w in ("one", "two", "drei,", "四", "五。")], np.object_),
        "word_times": np.array([[0, 2], [2, 2], [2, 2], [2, 2], [2, 3]], np.float32),
        "word_scores": np.ones(5, np.float32),
    }
    monkeypatch.setattr(
        "tritonclient.grpc.InferenceServerClient.infer",
        lambda *arguments, **options: SimpleNamespace(as_numpy=answer.get),
    )
    with AsrClient("127.0.0.1:1", "asr_whisper") as client:
        found = client.transcribe_samples(np.zeros(9, np.float32), sounds.RATE)
    words = [[word.text for word in segment.words] for segment in found]
    assert words == [["one", "two"], ["drei,", "四", "五。"]]
