"""Runs one command under the guard, and says in one sentence what went wrong with it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tritonclient.utils import InferenceServerException

from clients.connection.errors import reason
from perf.errors import LegFailed
from perf.measure.analyzer import guard
from runtime.machine.look import memory_available

MEMORY_SHARE = 0.5
"""Of the memory that is available, what perf_analyzer may take. It keeps the inputs and outputs of
every request, and writes them out through a document of some 60 bytes a number."""

_FULL = 1 / 3
"""The share of its memory from which a crash is for want of more: its lists grow by doubling, and
it does not look whether it was given what it asked for."""

LONGEST = 400
"""The most characters of perf_analyzer's output in a sentence."""


class Stalled(LegFailed):
    """perf_analyzer waited for requests that it had lost count of; another run may go well."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended; the fields are those of :func:`perf.measure.analyzer.guard.guard`."""

    code: int
    said: str
    ended: Literal["itself", "timeout", "stall"]
    peak_bytes: int


def variables(libraries: Path | None, address: str) -> dict[str, str]:
    """The environment that perf_analyzer runs with.

    Args:
        libraries: a folder of shared libraries that it needs, if any.
        address: ``host:port`` of the server, which is not to be reached by way of a proxy.
    """
    own = dict(os.environ)
    if libraries is not None:
        own["LD_LIBRARY_PATH"] = str(libraries)
    host = address.rpartition(":")[0]
    for name in ("no_proxy", "NO_PROXY"):
        own[name] = ",".join(filter(None, [os.environ.get(name), host]))
    return own


def run(
    command: Sequence[str],
    folder: Path,
    *,
    variables: dict[str, str],
    regions: Sequence[str],
    timeout_seconds: float,
) -> None:
    """Runs perf_analyzer; returns when it has ended well.

    Args:
        command: it, and its arguments.
        folder: where it runs.
        variables: its environment.
        regions: names of the shared memory that it makes.
        timeout_seconds: then it is ended.

    Raises:
        LegFailed: it could not be started, crashed, failed or did not end in time; one sentence.
        Stalled: see there.
    """
    memory = int(memory_available() * MEMORY_SHARE)
    (folder / guard.COMMAND).write_text(
        json.dumps(
            {
                "command": list(command),
                "variables": variables,
                "seconds": timeout_seconds,
                "memory_bytes": memory,
                "regions": list(regions),
            }
        )
    )
    # In a session of its own, so Ctrl-C reaches the guard only through us.
    with subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            answer = process.stdout.read()
        finally:
            process.stdin.close()
    if not answer:
        raise LegFailed(f"perf_analyzer's guard was ended from outside ({_ending(process.wait())})")
    outcome = Outcome(**json.loads(answer))
    if problem := sentence(outcome, timeout_seconds, memory):
        raise (Stalled if outcome.ended == "stall" else LegFailed)(problem)


def sentence(outcome: Outcome, timeout_seconds: float, memory_bytes: int) -> str | None:
    """What went wrong, or None."""
    words = _words(outcome.said)
    if outcome.ended == "timeout":
        return (
            f"perf_analyzer did not end within {timeout_seconds:g} s and was stopped"
            f"{'; its last words: ' + words if words else ''}; see whether the server still "
            "answers, or allow more time"
        )
    if outcome.ended == "stall":
        return (
            "perf_analyzer waited for requests that it had lost count of, as it may on a busy "
            "machine, and was stopped; measure again with less running beside it"
        )
    if outcome.code == 0:
        return None
    if "bad_alloc" in outcome.said or (
        outcome.code < 0 and outcome.peak_bytes > memory_bytes * _FULL
    ):
        return (
            f"perf_analyzer ended for want of memory, with {outcome.peak_bytes / 2**30:.1f} GiB of "
            f"the {memory_bytes / 2**30:.1f} GiB that it may have: it keeps the inputs and outputs "
            "of every request; measure fewer requests, or use system shared memory"
        )
    if outcome.code < 0:
        return f"perf_analyzer crashed ({_ending(outcome.code)}): {words or 'it said nothing'}"
    refused = re.search(r"^Thread \[\d+\] had error: (.+)$", outcome.said, re.MULTILINE)
    if refused:
        told = reason(InferenceServerException(refused[1]))
        return f"perf_analyzer stopped at a request that failed: {told[:LONGEST]}"
    return f"perf_analyzer failed: {words or f'exit code {outcome.code}, and it said nothing'}"


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _words(said: str) -> str:
    """What of its standard error is worth repeating."""
    lines = [" ".join(line.split()) for line in said.splitlines()]
    told = [line.removeprefix("error: ") for line in lines if line and "WARNING" not in line]
    return "; ".join(told[-3:])[-LONGEST:]
