"""``ask`` with a question, and with what is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clients.chat.conversation import question
from clients.cli.app import app
from runtime.server.server import LocalServer
from tests.clients.chat.stages.toy_talker import STEERS

pytestmark = pytest.mark.xdist_group("chat")


class Asked:
    """What ``ask`` did."""

    def __init__(self, server: LocalServer, *arguments: object, given: bytes = b"") -> None:
        words = ["ask", *map(str, arguments), "--url", server.grpc, "--patience=0"]
        result = CliRunner().invoke(app, words, input=given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr

    def refused(self, code: int, out: str = "") -> str:
        assert (self.code, self.out) == (code, out), (self.code, self.out, self.err)
        return " ".join(self.err.replace("│", " ").split())


def test_an_answer_is_printed(talking: LocalServer) -> None:
    asked = Asked(talking, "words é b?")
    assert (asked.code, asked.out, asked.err) == (0, "é b? \n", "")


def test_it_comes_as_it_is_written(talking: LocalServer) -> None:
    """Its first word is there, while the decoder waits."""
    command = [sys.executable, "-m", "clients", "ask", "wait first", "--url", talking.grpc]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert os.read(process.stdout.fileno(), 100) == b"first"
        process.send_signal(2)
        assert process.wait(60) == 130
        assert process.stderr.read() == b"Interrupted\n"


def test_one_document_has_all_of_it(talking: LocalServer) -> None:
    asked = Asked(talking, "steer it", "--json")
    assert json.loads(asked.out) == {
        "text": STEERS,
        "finish_reason": "stop",
        "prompt_tokens": 7,
        "cached_tokens": 5,
        "completion_tokens": 1,
    }
    assert not {*asked.out} & {*"\x1b\x07\r\x7f\x9b\u202e"}


def test_an_answer_cannot_steer_a_terminal(talking: LocalServer) -> None:
    assert Asked(talking, "steer it").out == (
        r"\x1b]0;mine\x07\x1b[2J\x9b31m\r\x7f" + " é 日本\u00a0\u3000👩\u200d👧 " + r"\u202e"
        "back\tend\n"
    )


def test_what_is_said_reaches_the_decoder(talking: LocalServer, tmp_path: Path) -> None:
    images = tmp_path / "one.png", tmp_path / "two.png"
    for image in images:
        image.write_bytes(image.name.encode())
    said = ["--system", "Be brief.", "--seed=-3", "--stop=é", "--stop=x", "--max-tokens=4"]
    said += ["--temperature=0.5", "--top-p=0.25", *(f"--image={each}" for each in images)]
    assert json.loads(Asked(talking, "echo", *said).out) == {
        "messages": [{"role": "system", "content": "Be brief."}, question("echo", 2)],
        "image": ["one.png", "two.png"],
        "max_tokens": [4],
        "temperature": [0.5],
        "top_p": [0.25],
        "seed": [-3],
        "stop": ["é".encode().decode("latin-1"), "x"],
        "stream": [True],
    }


def test_a_question_may_come_by_a_pipe(talking: LocalServer) -> None:
    assert Asked(talking, "-", given="words é\nb\n".encode()).out == "é b \n"
    told = Asked(talking, "-", given=b"words \xff").refused(1)
    assert (
        told == "error: standard input: expected a question in UTF-8, found other bytes at byte 6"
    )
    assert "expected a question, found none" in Asked(talking, "-", given=b" \n").refused(1)
    much = Asked(talking, "-", given=b"x" * (1 << 20) + b"y").refused(1)
    assert "expected at most 1,048,576 bytes, found more" in much


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["ocrr"], 2, "no family declares how 'ocrr' is asked"),
        (["ocrr"], 2, "Did you mean 'ocr'?"),
        (["./page.png"], 2, "no family declares how './page.png' is asked"),
        ([" "], 2, "expected a question, found an empty one"),
        (["What?", "page.png"], 2, "FILE is of a pipeline; what a question is about is given by"),
        (["What?", "-o", "beam=3"], 2, "--option is of a pipeline, and a question was asked"),
        (["What?", "--options"], 2, "--options is of a pipeline"),
        (["ocr", "--seed=3"], 2, "--seed is of a question to a decoder, and 'ocr' is a pipeline"),
        (["ocr", "--max-tokens=3"], 2, "--max-tokens is of a question"),
        (
            ["What?", "--image=nowhere.png"],
            1,
            "error: cannot read nowhere.png: expected a readable",
        ),
        (["What?", "--model=deaf"], 1, "'deaf' answers no questions"),
        (["What?", "--model=deaf"], 1, "Name another (--model)."),
        (["refuse", "--seed=1"], 1, "error: --max-tokens: expected fewer, found 7"),
        (["full", "--seed=1"], 1, "error: all places are taken; try again later"),
        (["What?", "--seed=9223372036854775808"], 1, "error: --seed: expected a whole number from"),
        (["What \udcff?"], 1, "error: messages: expected Unicode text, found half of"),
    ],
)
def test_a_mistake_is_a_sentence(
    talking: LocalServer, arguments: list[str], code: int, told: str
) -> None:
    assert told in Asked(talking, *arguments).refused(code)


def test_what_came_before_an_error_is_a_line(talking: LocalServer) -> None:
    assert Asked(talking, "fail now").refused(1, "half\n") == "error: not this word"
    assert Asked(talking, "fail now", "--json").refused(1) == "error: not this word"


def test_the_address_of_http_is_told_to_be_that(talking: LocalServer) -> None:
    result = CliRunner().invoke(app, ["ask", "What?", "--url", talking.http, "--patience=0"])
    assert result.exit_code == 1
    assert "speaks HTTP, and the address of gRPC is asked for" in result.stderr
    result = CliRunner().invoke(app, ["ask", "What?", "--url", "gopher://x"])
    assert result.exit_code == 2 and result.stderr.startswith("error: --url, or the variable")


def test_a_reader_that_leaves_ends_it_without_a_word(talking: LocalServer) -> None:
    words = f"words {' '.join(['word'] * 20_000)}"
    command = [sys.executable, "-m", "clients", "ask", words, "--url", talking.grpc]
    process: Any = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stdout.read(5) == b"word "
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (1, b"")
