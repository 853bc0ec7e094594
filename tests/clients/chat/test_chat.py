"""``chat``: a conversation by a pipe, and at a terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clients.chat.client import ChatClient
from clients.chat.conversation import question
from clients.cli.app import app
from runtime.server.server import LocalServer
from tests.terminals import Terminal
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("chat")


class Piped:
    """A conversation whose lines come by a pipe."""

    def __init__(self, server: LocalServer, *lines: str | bytes, options: str = "") -> None:
        words = ["chat", *options.split(), "--url", server.grpc, "--patience=0"]
        given = b"\n".join(each.encode() if isinstance(each, str) else each for each in lines)
        result = CliRunner().invoke(app, words, input=given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr
        self.answers, self.errors = result.stdout.splitlines(), result.stderr.splitlines()


def test_each_line_is_a_turn_and_what_was_said_is_kept(talking: LocalServer) -> None:
    piped = Piped(talking, "words é b", "", "echo", "/quit", "words c", options="--max-tokens=9")
    assert (piped.code, piped.err) == (0, "")
    assert piped.answers[0] == "é b "
    (echo,) = map(json.loads, piped.answers[1:])
    assert echo["max_tokens"] == [9]
    assert echo["messages"] == [
        question("words é b"),
        {"role": "assistant", "content": "é b "},
        question("echo"),
    ]


def test_an_image_goes_with_the_next_message_and_stays_there(
    talking: LocalServer, tmp_path: Path
) -> None:
    for name in ("one.png", "two.png"):
        (tmp_path / name).write_bytes(name.encode())
    images = [f"/image {tmp_path / name}" for name in ("one.png", "two.png")]
    piped = Piped(talking, images[0], "words a", images[1], images[0], "echo", "echo")
    assert piped.code == 0
    echo, again = map(json.loads, piped.answers[1:])
    assert echo["image"] == again["image"] == ["one.png", "two.png", "one.png"]
    assert echo["messages"][::2] == [question("words a", 1), question("echo", 2)]
    assert again["messages"][4] == question("echo")


def test_a_new_conversation_knows_nothing_of_the_last(talking: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"one")
    image = f"/image {tmp_path / 'one.png'}"
    lines = "words a", image, "/new", "echo", "/system Be brief.", "/new", "echo", "/system", "echo"
    piped = Piped(talking, *lines, options="--system Hello.")
    found = [json.loads(each) for each in piped.answers[1:]]
    assert [each["messages"][0] for each in found] == [
        {"role": "system", "content": "Hello."},
        {"role": "system", "content": "Be brief."},
        question("echo"),
    ]
    assert [len(each["messages"]) for each in found] == [2, 2, 3]
    assert "image" not in found[0]


def test_what_fails_is_told_and_not_kept(talking: LocalServer, tmp_path: Path) -> None:
    piped = Piped(
        *(talking, "words a", "refuse", "full", "fail now", b"\xff", "/imag x", "/image", "echo"),
        f"/image {tmp_path}",
    )
    assert piped.code == 1
    assert piped.answers[:2] == ["a ", "half"]
    assert [each["content"] for each in json.loads(piped.answers[2])["messages"]] == [
        *("words a", "a ", "echo"),
    ]
    assert piped.errors == [
        "error: --max-tokens: expected fewer, found 7",
        "error: all places are taken; try again later",
        "error: not this word",
        "error: line 5: expected UTF-8, found other bytes at byte 0",
        "error: there is no command /imag; there are: /help, /image, /new, /quit, /system. To say "
        "it, begin the line with a blank",
        "error: /image: expected a file behind it, as /image photo.jpg, found none",
        f"error: cannot read {tmp_path}: expected a file, found a folder.",
    ]


def test_images_of_a_refused_message_are_left_and_of_one_that_may_be_asked_again_kept(
    talking: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "one.png").write_bytes(b"one")
    image = f"/image {tmp_path / 'one.png'}"
    refused = Piped(talking, image, "refuse", "echo")
    assert "image" not in json.loads(refused.answers[0])
    again = Piped(talking, image, "full", "echo")
    assert json.loads(again.answers[0])["image"] == ["one"]


def test_counts_are_told_if_they_are_asked_for(talking: LocalServer) -> None:
    piped = Piped(talking, "words a b", "echo", options="--verbose")
    first, second = piped.errors
    assert first.startswith("prompt 7 tokens (5 known before), answer 3 tokens, first after 0.")
    assert first.endswith(" tokens/s")
    assert second.endswith(" s, cut off at the most tokens")


def test_a_blank_before_a_command_makes_it_a_message(talking: LocalServer) -> None:
    assert Piped(talking, " /quit", "words a").answers == ["", "a "]


def test_without_a_decoder_it_does_not_begin(talking: LocalServer, port: int) -> None:
    for options, told in (
        ("--model deaf", "'deaf' answers no questions"),
        (f"--url 127.0.0.1:{port}", "no server answers at"),
        (f"--url {talking.http}", "speaks HTTP, and the address of gRPC is asked for"),
    ):
        words = ["chat", "--url", talking.grpc, "--patience=0", *options.split()]
        result = CliRunner().invoke(app, words, input=b"words a\n")
        assert (result.exit_code, result.stdout) == (1, "")
        assert told in result.stderr and result.stderr.count("\n") == 1


def test_ctrl_c_ends_a_conversation_by_a_pipe(talking: LocalServer) -> None:
    command = [sys.executable, "-m", "clients", "chat", "--url", talking.grpc]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=0,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("wait first\nwords b\n")
        assert process.stdout.read(5) == "first"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, "", "Interrupted\n")


@pytest.fixture
def terminal(talking: LocalServer) -> Iterator[Terminal]:
    with Terminal(sys.executable, "-m", "tmk", "chat", "--url", talking.grpc) as terminal:
        terminal.shows("talker at")
        terminal.shows("> ")
        yield terminal


def waiting(talking: LocalServer) -> int:
    """How many answers have nothing more to come."""
    with ChatClient(talking.grpc) as client:
        return int("".join(each.text for each in client.answer([question("waiting")])))


def test_a_conversation_at_a_terminal(terminal: Terminal, talking: LocalServer) -> None:
    until(lambda: waiting(talking) == 0)
    terminal.types("words é b\n")
    assert terminal.shows("> ").splitlines() == ["words é b", "é b ", "> "]
    # Ctrl-C stops an answer, and what it had is kept.
    terminal.types("wait long\n")
    terminal.shows("\r\nlong")
    terminal.types("\x03")
    assert terminal.shows("> ") == "^C\r\n> "
    until(lambda: waiting(talking) == 0)
    # One that has not begun is taken back.
    terminal.types("wait\n")
    until(lambda: waiting(talking) == 1)
    terminal.types("\x03")
    assert terminal.shows("> ") == "wait\r\n^C\r\n> "
    # At the prompt it forgets the line.
    terminal.types("words c")
    terminal.shows("words c")
    terminal.types_until("\x03", "/quit or Ctrl-D ends the conversation\r\n> ")
    terminal.types("refuse\n")
    assert "error: --max-tokens: expected fewer, found 7\r\n" in terminal.shows("\n> ")
    terminal.types("/help\n")
    assert "/image FILE" in terminal.shows("\n> ")
    terminal.types("echo\n")
    echo = terminal.shows("\n> ").splitlines()[1]
    said = [each["content"] for each in json.loads(echo)["messages"]]
    assert said == ["words é b", "é b ", "wait long", "long", "echo"]
    terminal.types("steer\n")
    assert r"\x1b]0;mine\x07\x1b[2J\x9b31m\r" in terminal.shows("\n> ")
    terminal.types("\x04")
    code, rest = terminal.ends()
    assert (code, rest) == (0, "\r\n")


def test_no_ctrl_c_ends_it_however_often(terminal: Terminal) -> None:
    for number in range(5):
        terminal.types(f"wait {number}th\n")
        terminal.shows(f"\r\n{number}th")
        for _ in range(4):
            terminal.process.send_signal(signal.SIGINT)
        terminal.types_until(f"words {number}end\n", f"\r\n{number}end \r\n")
    terminal.types("/quit\n")
    assert terminal.ends()[0] == 0


def test_a_server_that_is_waited_for_is_told_in_the_words_of_the_program(port: int) -> None:
    command = sys.executable, "-m", "tmk", "chat", "--url", f"127.0.0.1:{port}", "--patience=1"
    with Terminal(*command) as terminal:
        terminal.shows("start one with `tmk serve`; it is asked again")
