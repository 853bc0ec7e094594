"""Every block of code that can run is run, page by page, in its order."""

from __future__ import annotations

import json
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
from tests.docs.pages import PAGES, README, ROOT

STARTED = ("make serve", "make test")
"""What the fixture starts, and the run that these tests are part of."""


def script(block: str) -> str:
    """What of a block is run."""
    return "\n".join(line for line in block.splitlines() if line.strip() not in STARTED)


# ``sh`` is for what needs a cluster or a network.
SCRIPTS = list(
    dict.fromkeys(
        each for page in PAGES for block in page.blocks("bash") if (each := script(block)).strip()
    )
)
PYTHON = [(page.name, block) for page in PAGES for block in page.blocks("python")]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """`make serve` on free ports, for as long as these tests run; then Ctrl-C."""
    options = "--http-port 0 --grpc-port 0 --metrics-port 0 --gateway --gateway-port 0"
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
    addresses: dict[str, str] = {}
    for line in server.stdout:
        seen.append(line)
        if found := re.match(r"\s*(HTTP|gRPC|OpenAI)\s+(?:http://)?([^\s/]+:\d+)", line):
            addresses[f"TRITON_{found[1].upper()}"] = found[2]
        if len(addresses) == 3:
            break
    assert addresses, "".join(seen)
    path = os.pathsep.join((f"{ROOT}/.venv/bin", os.environ.get("PATH", os.defpath)))
    yield os.environ | addresses | {"PATH": path}
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
    assert README.blocks("bash")[0].splitlines() == ["make build-repo", "make serve"]
    assert len(SCRIPTS) >= 8


@pytest.mark.thorough
@pytest.mark.parametrize("script", SCRIPTS)
def test_commands_run(script: str, environment: dict[str, str]) -> None:
    script = script.replace("127.0.0.1:8000", environment["TRITON_HTTP"])
    script = script.replace("127.0.0.1:9000", environment["TRITON_OPENAI"])
    assert run(["bash", "-euo", "pipefail", "-c", script], environment).strip()


@pytest.mark.thorough
def test_what_curl_is_told_is_what_the_page_says(environment: dict[str, str]) -> None:
    (block,) = (each for each in README.blocks("bash") if "curl" in each)
    block = block.replace("127.0.0.1:8000", environment["TRITON_HTTP"])
    said = run(["bash", "-euo", "pipefail", "-c", block], environment)
    assert "The Harbour Gazette" in json.loads(said)["outputs"][0]["data"]


@pytest.mark.thorough
@pytest.mark.parametrize(("page", "block"), PYTHON)
def test_python_runs(page: str, block: str, environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("request.json", "scorer.onnx"):
        block = block.replace(f'"{name}"', repr(str(tmp_path / name)))
    said = run([sys.executable, "-c", block], environment)
    known = r"Harbour Gazette|set the temperature|^0\.\d+|^3$"
    assert re.search(known, said) or "print" not in block, page


def test_profiles_are_valid(tmp_path: Path) -> None:
    named: list[str] = []
    for page in PAGES:
        for block in page.blocks("yaml"):
            if block.startswith("triton:"):
                (tmp_path / "profile.yaml").write_text(block)
                named += load_profile(tmp_path / "profile.yaml").families
    assert sorted(named) == ["asr", "asr", "decoder", "decoder", "ocr", "onnx", "vision"]


def test_other_python_is_python() -> None:
    """What needs more than the demo is marked ``py``, and is not run."""
    for page in PAGES:
        for block in page.blocks("py"):
            compile(block, page.name, "exec")
