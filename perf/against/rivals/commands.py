"""Commands of rivals: converters and the like."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence

from perf.errors import LegFailed
from repository.children import ending_with_parent
from repository.places import ROOT


def run(title: str, command: Sequence[str]) -> None:
    """Runs a command to its end.

    Args:
        title: what it does, in a sentence.
        command: the program and its arguments.

    Raises:
        LegFailed: it failed; the sentence has the end of what it printed.
    """
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=ending_with_parent(signal.SIGKILL),
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["nothing printed"]
        raise LegFailed(f"{title}: expected it to succeed, found: {lines[-1].strip()}")
