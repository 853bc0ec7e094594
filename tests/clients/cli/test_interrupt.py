"""Ctrl-C ends a command in one line and with 130, or comes too late, at whatever moment."""

from __future__ import annotations

import contextlib
import gc
import random
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

import pytest

from clients.connection.address import Address
from clients.connection.connection import Client
from tests.clients.listeners import Listener, is_silent, listening
from tests.clients.standin import Served

EXAMPLES = Path(__file__).parents[3] / "clients/examples"

HARNESS = """
import os, runpy, signal, sys
from clients.cli.interrupt import _Interrupts

moment, after, module, *arguments = sys.argv[1:]
install, count, begun = _Interrupts.install, 0, not after

def at_each_call(frame, event, argument):
    global count, begun
    begun = begun or (frame.f_code.co_name, frame.f_code.co_filename[-13:]) == ("__init__", after)
    count += begun
    if count == int(moment):
        os.kill(os.getpid(), signal.SIGINT)

def installed(self):
    install(self)
    sys.setprofile(at_each_call)

_Interrupts.install = installed
sys.argv = [module, *arguments]
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
finally:
    sys.setprofile(None)
    if moment == "0":
        print("calls", count)
"""
"""Runs a command that interrupts itself at the call, or return, of that number.

They are counted from the start, or from the first making of an object of that file.
"""

CLIENT = "connection.py"
"""From here on a client is made, asked and closed; what comes before is imports, nine in ten."""

Ended = tuple[int, str, str]


def interrupted(moment: int, after: str, *command: str) -> Ended:
    done = subprocess.run(
        [sys.executable, "-c", HARNESS, str(moment), after, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


COMMANDS = {
    "ocr": ("clients", "ocr", str(EXAMPLES / "page.png"), "--url"),
    "asr": ("clients", "asr", str(EXAMPLES / "talk.wav"), "--url"),
    "stream": ("clients", "asr", "-", "--url"),
    "no server": ("clients", "ocr", str(EXAMPLES / "page.png"), "--patience=0", "--url=[::1]:1"),
    "smoke": ("clients.smoke", "http://127.0.0.1:9"),
    "perf": ("perf", "compare", "ocr", "--modes=ensemble", "--out=/dev/null/x", "--url"),
}


def ends(name: str, after: str, port: int, moments: int) -> None:
    """Interrupts a command at so many moments, evenly spread, each a little off."""
    command = [*COMMANDS[name]]
    if command[-1] == "--url":
        command.append(f"127.0.0.1:{port}")
    code, output, errors = interrupted(0, after, *command)
    whole, _, calls = output.rpartition("calls ")
    late: list[int] = []
    chance = random.Random(f"{name} {after}")
    for number in range(moments):
        moment = 1 + int(int(calls) * (number + chance.random()) / moments)
        found = interrupted(moment, after, *command)
        if found == (code, whole, errors):
            late.append(moment)
        else:
            *before, last = found[2].splitlines() or [""]
            assert found[0] == 130 and last.startswith("Interrupted"), (moment, found)
            assert before == errors.splitlines()[: len(before)], (moment, found)
            assert whole.startswith(found[1]), (moment, found)
    assert len(late) <= moments / 3, "the interrupts came too late to show anything"


FROM = [(name, "") for name in COMMANDS]
FROM += [(name, CLIENT) for name in ("ocr", "asr", "stream", "no server", "perf")]


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("name", "after"), [("ocr", CLIENT), ("asr", ""), ("stream", CLIENT), ("smoke", "")]
)
def test_a_command_ends_in_one_line(
    name: str,
    after: str,
    served: Served,
    port: int,
) -> None:
    ends(name, after, port, 3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("name", "after"), FROM)
def test_a_command_ends_in_one_line_at_any_moment(
    name: str,
    after: str,
    served: Served,
    port: int,
) -> None:
    ends(name, after, port, 60)


WAITING = {
    "ocr": (["clients", "ocr", str(EXAMPLES / "page.png"), "--url"], ""),
    "asr": (["clients", "asr", str(EXAMPLES / "talk.wav"), "--url"], ""),
    "stream": (["clients", "asr", "-", "--url"], ""),
    "smoke": (["clients.smoke"], "http://"),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", WAITING)
def test_a_command_that_waits_for_an_answer_ends_in_one_line(name: str) -> None:
    """A stream lets the answer come at the first Ctrl-C; the second ends it too."""
    command, scheme = WAITING[name]
    seen = threading.Event()

    def is_seen(listener: Listener, connection: socket.socket) -> None:
        seen.set()
        is_silent(listener, connection)

    with listening(is_seen) as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, scheme + listener.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        if name == "stream":
            process.stdin.write("sound" * 4000)
            process.stdin.flush()
        assert seen.wait(120)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
        output, errors = process.communicate()
    assert (process.returncode, output, errors) == (130, "", "Interrupted\n")


def test_a_client_whose_making_was_interrupted_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At each call within it; ``__del__`` then meets what is not there yet."""
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: said.append(found.exc_value))
    calls = making(0)
    assert calls > 10
    for moment in {*range(1, min(calls, 60)), *range(60, calls, max(calls // 100, 1))}:
        with contextlib.suppress(KeyboardInterrupt):
            making(moment)
        gc.collect(0)
    # The interrupt itself may have met a callback of C.
    assert [each for each in said if not isinstance(each, KeyboardInterrupt)] == []


def making(moment: int) -> int:
    """Makes a client, up to the call of that number; how many calls that takes."""
    count = 0

    def at_each_call(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += 1
        if count == moment:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(at_each_call)
    try:
        client = Client(Address("127.0.0.1", 1))
    finally:
        sys.setprofile(None)
    client.close()
    return count - 1
