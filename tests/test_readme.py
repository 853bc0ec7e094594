"""Every code block of the README that can run is run, in the README's order."""

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

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.strip()
    for language, block in BLOCKS
    if language == "bash"
    for line in block.splitlines()
    if line.strip()
]


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
    assert len(COMMANDS) >= 10
    assert COMMANDS[:2] == ["make build-repo", "make test"]


# `make serve` is what the fixture starts, and `make test` is the run that this test is part of.
@pytest.mark.thorough
@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each not in ("make serve", "make test")]
)
def test_a_command_of_the_readme_runs(command: str, environment: dict[str, str]) -> None:
    assert run(shlex.split(command), environment).strip() or "--draw" in command


@pytest.mark.thorough
def test_the_readmes_python_runs(environment: dict[str, str]) -> None:
    (block,) = (block for language, block in BLOCKS if language == "python")
    assert "Harbour Gazette" in run([sys.executable, "-c", block], environment)


def test_the_readmes_profiles_are_valid(tmp_path: Path) -> None:
    named: list[str] = []
    for language, block in BLOCKS:
        if language == "yaml":
            (tmp_path / "profile.yaml").write_text(block)
            named += load_profile(tmp_path / "profile.yaml").families
    assert sorted(named) == ["asr", "asr", "ocr"]


def test_links_and_pictures_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).is_file(), target
