"""An argument that only the program itself can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from repository.places import ROOT
from runtime.guard import hidden

SAY = """
import json, os, subprocess, sys
child = subprocess.run(["/usr/bin/env"], capture_output=True, text=True).stdout
print(json.dumps([sys.argv[1:], dict(os.environ), child]), flush=True)
sys.stdin.read()
"""
SECRET = "s3cr3t" * 10


def start(*arguments: str) -> tuple[subprocess.Popen[bytes], bool]:
    return hidden.popen(
        [sys.executable, "-c", SAY, *arguments],
        "{key}",
        SECRET,
        env={"PATH": os.environ["PATH"], "B": "2"},
        preexec_fn=lambda: None,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def command_line(process: subprocess.Popen[bytes]) -> bytes:
    return Path(f"/proc/{process.pid}/cmdline").read_bytes()


def said(process: subprocess.Popen[bytes]) -> tuple[list[str], dict[str, str], str]:
    assert process.stdout is not None
    arguments, variables, child = json.loads(process.stdout.readline())
    return arguments, variables, child


def test_the_program_gets_the_secret_and_its_command_line_never_shows_it() -> None:
    process, is_hidden = start("--a={key}", "plain", "--b=x:{key}!")
    first = command_line(process)  # before it has run
    arguments, variables, child = said(process)
    assert is_hidden
    assert arguments == [f"--a={SECRET}", "plain", f"--b=x:{SECRET}!"]
    for shown in (first, command_line(process)):
        assert SECRET.encode() not in shown
        assert b"--a=hidden\0plain\0--b=x:hidden!\0" in shown
    assert (variables["PATH"], variables["B"]) == (os.environ["PATH"], "2")
    assert SECRET not in str(variables)
    assert SECRET not in child
    process.communicate()
    assert process.returncode == 0


def test_a_command_without_a_secret_is_started_as_it_is() -> None:
    process, is_hidden = start("plain")
    assert is_hidden
    assert said(process)[0] == ["plain"]
    process.communicate()
    assert process.returncode == 0


FORBIDDEN = """
from runtime.guard import hidden
from tests.runtime import forbid

forbid.tracing()
process, is_hidden = hidden.popen(
    ["/bin/echo", "a={key}"], "{key}", "secret", env={"A": "1"}, preexec_fn=lambda: None
)
print(is_hidden, process.wait())
"""


def test_where_tracing_is_not_allowed_the_program_runs_and_the_caller_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-u", "-c", FORBIDDEN], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("a=secret\nFalse 0\n", "")


def test_what_cannot_be_changed_is_started_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "ptrace")

    monkeypatch.setattr(hidden, "_point_at_secrets", refuse)
    process, is_hidden = start("--a={key}")
    assert not is_hidden
    assert said(process)[0] == [f"--a={SECRET}"]
    process.communicate()
    assert process.returncode == 0


def test_a_program_that_cannot_be_started_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        hidden.popen(
            ["/nowhere", "{key}"], "{key}", SECRET, env={"A": "1"}, preexec_fn=lambda: None
        )
