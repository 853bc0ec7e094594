"""Every block of code that can run is run, page by page, in its order."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.kit.recipe.profile import load_profile
from tests.docs.pages import PAGES, README, ROOT, Page

STARTED = ("make serve", "make test")
"""What the fixture starts, and the run that these tests are part of."""


def commands(of: Page) -> list[str]:
    """The lines of its blocks that run here; ``sh`` is for what needs a cluster or a network."""
    lines = [line.strip() for block in of.blocks("bash") for line in block.splitlines()]
    return [line for line in lines if line]


COMMANDS = list(dict.fromkeys(line for page in PAGES for line in commands(page)))
PYTHON = [(page.name, block) for page in PAGES for block in page.blocks("python")]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """`make serve` on free ports, for as long as these tests run; then Ctrl-C."""
    options = "--http-port 0 --grpc-port 0 --metrics-port 0"
    server = subprocess.Popen(
        ["make", "serve"],
        cwd=ROOT,
        env=os.environ | {"OPTIONS": options},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    seen: list[str] = []
    address = None
    for line in server.stdout:
        seen.append(line)
        if found := re.search(r"gRPC\S*\s+(\S+:\d+)", line, re.IGNORECASE):
            address = found[1].removeprefix("grpc://")
        if address and "ready" in "".join(seen).lower():
            break
    assert address, "".join(seen)
    yield os.environ | {"TRITON_GRPC": address}
    os.killpg(server.pid, signal.SIGINT)
    rest, _ = server.communicate(timeout=60)
    assert "Traceback" not in rest, rest


def run(command: list[str], environment: dict[str, str]) -> str:
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, f"{shlex.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def test_there_is_something_to_run() -> None:
    assert commands(README)[:2] == ["make build-repo", "make test"]
    assert len(COMMANDS) >= 15


@pytest.mark.thorough
@pytest.mark.parametrize("command", [each for each in COMMANDS if each not in STARTED])
def test_a_command_runs(command: str, environment: dict[str, str]) -> None:
    assert run(shlex.split(command), environment).strip() or "--draw" in command


@pytest.mark.thorough
@pytest.mark.parametrize(("page", "block"), PYTHON)
def test_python_runs(page: str, block: str, environment: dict[str, str], tmp_path: Path) -> None:
    block = block.replace('"request.json"', repr(str(tmp_path / "request.json")))
    said = run([sys.executable, "-c", block], environment)
    assert "Harbour Gazette" in said or "print" not in block, page


def test_profiles_are_valid(tmp_path: Path) -> None:
    named: list[str] = []
    for page in PAGES:
        for block in page.blocks("yaml"):
            if block.startswith("triton:"):
                (tmp_path / "profile.yaml").write_text(block)
                named += load_profile(tmp_path / "profile.yaml").families
    assert sorted(named) == ["asr", "asr", "ocr"]
