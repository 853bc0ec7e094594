"""Code that is copied into a repository, or beside a backend, runs in Triton's Python 3.10."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builders.decoder.engines.remote import pipeline
from builders.decoder.remote_options import RemoteOptions
from builders.kit.checkout import Checkout
from builders.kit.graph import Ensemble, Model, PythonModel, closure
from builders.kit.graph.bls import bls
from builders.kit.graph.layout import COPIED, version_files
from builders.kit.graph.stage_source import module_path, stage_modules

ROOT = Path(__file__).resolve().parents[3]
BACKENDS = [
    *sorted((ROOT / "runtime" / "backends").rglob("*.py")),
    *sorted((ROOT / "repository" / "onnxruntime_rules").rglob("*.py")),
]
OLDEST = (3, 10)

CACHE = ROOT / ".mypy_cache" / "copied"
"""Where mypy keeps what it knows of the libraries, for the next run."""

LAX = """
[mypy]
follow_imports = skip
check_untyped_defs = True
"""

NEWER = """
import tomllib
from datetime import UTC
from enum import StrEnum
from typing import Self

import numpy as np


def load(folder: str) -> Self:
    try:
        return np.zeros(1)
    except* ValueError:
        return f"{'a' + f"{folder}"}"
"""
"""What Python 3.10 has not."""


class Exports(dict[str, Path]):
    def __missing__(self, name: str) -> Path:
        return Path("none")


def served() -> tuple[Model, ...]:
    """Every family's pipelines, and those that only an option of a profile makes."""
    remote = RemoteOptions(url="http://decoder/v1", model="toy")
    found: list[Model] = [pipeline(remote, slots=1, waiting=1, max_tokens=1)]
    for family in filter(None, map(Checkout().declared, Checkout().families)):
        found += family.pipelines
    return tuple(found)


@functools.cache
def copied() -> dict[str, bytes]:
    """Every Python file of every family's version folders, BLS twins' too."""
    found: dict[str, bytes] = {}
    for one in served():
        twins = [bls(one)] if isinstance(one, Ensemble) else []
        for model in closure([one, *twins]):
            for name, content in version_files(model, Exports()).items():
                if name.endswith(".py"):
                    text = content if isinstance(content, bytes) else content.read_bytes()
                    found[f"{model.name}/{name}"] = text
    return found


@functools.cache
def sources() -> list[Path]:
    """The files that those are copies of, and the backends."""
    dotted = {name for name in COPIED if name.startswith(("builders.", "repository."))}
    for model in closure(served()):
        if isinstance(model, PythonModel):
            dotted |= {model.stage, *stage_modules(model.stage)}
    return [*map(module_path, sorted(dotted)), *BACKENDS]


def test_all_copies_are_looked_at() -> None:
    assert len(copied()) > 50
    texts = {path.read_bytes() for path in sources()}
    others = [name for name, content in copied().items() if content not in texts]
    # The kit makes a package of the stages, and rewrites imports of shared modules in some.
    names = {"__init__.py", *(path.name for path in sources())}
    assert {Path(name).name for name in others} <= names


def test_it_compiles_as_python_3_10() -> None:
    for name, content in copied().items():
        ast.parse(content, name, feature_version=OLDEST)
    for path in BACKENDS:
        ast.parse(path.read_bytes(), str(path), feature_version=OLDEST)


def test_ruff_finds_no_newer_syntax(tmp_path: Path) -> None:
    newer = tmp_path / "newer.py"
    newer.write_text(NEWER)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--target-version", "py310"]
    ruff += ["--select", "E9", "--no-cache", "--output-format", "concise"]
    done = subprocess.run([*ruff, *sources(), newer], capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if ".py:" in line]
    assert len(found) == 2 and all(line.startswith(str(newer)) for line in found), done.stdout


@pytest.mark.thorough
def test_mypy_finds_no_newer_names_of_the_library(tmp_path: Path) -> None:
    newer = tmp_path / "newer.py"
    newer.write_text(re.sub(r"except\*", "except", NEWER).replace('f"{\'a\' + f"{folder}"}"', "5"))
    (tmp_path / "mypy.ini").write_text(LAX)

    def mistakes(version: str) -> set[str]:
        command = [sys.executable, "-m", "mypy", "--python-version", version, "--no-error-summary"]
        command += [f"--config-file={tmp_path / 'mypy.ini'}", f"--cache-dir={CACHE}"]
        done = subprocess.run(
            [*command, *sources(), newer], capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode < 2, done.stdout + done.stderr
        return {line for line in done.stdout.splitlines() if ": error: " in line}

    # What only the older version is said of is what came after it.
    with ThreadPoolExecutor() as both:
        older, later = both.map(mistakes, ("3.10", "3.12"))
    found = sorted(older - later)
    assert [line.partition(": error: ")[2].partition("  [")[0] for line in found] == [
        'Cannot find implementation or library stub for module named "tomllib"',
        'Module "datetime" has no attribute "UTC"',
        'Module "enum" has no attribute "StrEnum"',
        'Module "typing" has no attribute "Self"',
    ]
    assert all(str(newer.name) in line for line in found)
