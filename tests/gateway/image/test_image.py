"""The gateway's image has all that it needs, and nothing else."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from repository.places import ROOT
from runtime.server.server import LocalServer
from tests.environments import installed
from tests.gateway.running import Gateway

pytestmark = pytest.mark.xdist_group("gateway")

LISTED = ROOT / "gateway" / "requirements.txt"
CONTAINERFILE = ROOT / "runtime" / "gateway.Containerfile"


def pins(path: Path) -> dict[str, str]:
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    listed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(each.name): str(each.specifier) for each in listed}


def wanted() -> list[str]:
    """What the first lines name."""
    first = LISTED.read_text("utf-8").partition("\n\n")[0]
    return [*re.findall(r"^([\w-]+)==", first, re.MULTILINE)]


def test_what_is_listed_is_what_the_first_lines_need_and_no_more() -> None:
    needed: set[tuple[str, str]] = set()
    pending = [("tritonclient", "grpc"), *((each, "") for each in wanted())]
    while pending:
        package, extra = pending.pop()
        if (package, extra) in needed:
            continue
        needed.add((package, extra))
        for line in importlib.metadata.distribution(package).requires or []:
            found = Requirement(line)
            if found.marker is None or found.marker.evaluate({"extra": extra}):
                name = canonicalize_name(found.name)
                pending += [(name, each) for each in ("", *found.extras)]
    listed = pins(LISTED)
    assert listed.keys() == {package for package, _ in needed}
    assert listed.items() <= pins(ROOT / "constraints.txt").items()


def test_the_extra_is_among_it() -> None:
    extra = {
        canonicalize_name(found.name)
        for each in importlib.metadata.requires("triton-multimodal-kit") or ()
        if (found := Requirement(each)).marker
        and not found.marker.evaluate({"extra": ""})
        and found.marker.evaluate({"extra": "gateway"})
    }
    assert not extra or extra <= {*wanted()}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """What the image copies, and nothing else."""
    lines = CONTAINERFILE.read_text("utf-8").splitlines()
    for line in lines:
        if line.startswith("COPY") and not line.split()[1].endswith(".txt"):
            _, source, target = line.split()
            shutil.copytree(ROOT / source, tmp_path / target.lstrip("/"))
    return tmp_path / "opt" / "triton-multimodal-kit"


@pytest.fixture
def process(copied: Path, double: LocalServer) -> Iterator[subprocess.Popen[str]]:
    python = installed(ROOT / ".venv-gateway", LISTED)
    (program,) = re.findall(r'^ENTRYPOINT \["python", (.*)\]$', CONTAINERFILE.read_text(), re.M)
    arguments = [each.strip('" ') for each in program.split(",")]
    assert arguments[-2:] == ["--host", "0.0.0.0"]
    process = subprocess.Popen(
        [python, *arguments[:-1], "127.0.0.1", "--port", "0", "--triton", double.grpc],
        cwd=copied,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.thorough
def test_it_answers_with_what_the_image_has(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    gateway = Gateway(line.split()[4].removesuffix("/v1"))
    for stream in (False, True):
        body = gateway.chat("red green", stream=stream)
        status, _, content = gateway.ask("POST", "/v1/chat/completions", body)
        assert status == 200 and b"green" in content
    for path in ("/v1/ocr", "/v1/audio/transcriptions"):
        assert gateway.ask("POST", path, b"")[0] == 415
