"""From ``builders new`` to a served answer, with the commands that it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(folder: Path, cache: Path, *command: str) -> str:
    """Runs a Python command in a folder, with the kit of this checkout; returns what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_family_builds_passes_its_test_and_is_served(tmp_path: Path, serve: Any) -> None:
    cache, own = tmp_path / "cache", tmp_path / "own"
    told = run(tmp_path, cache, "-m", "builders", "new", "shapes", "--at", "own")
    commands = [line.strip() for line in told.splitlines()[1:]]
    assert commands == [
        "cd own",
        "python -m builders build --profile shapes.yaml --out model_repository",
        "python -m pytest tests",
        "python -m runtime serve model_repository",
    ]
    run(own, cache, *commands[1].split()[1:])
    run(own, cache, *commands[2].split()[1:], "-p", "no:cacheprovider")

    server = serve(own / "model_repository")
    asked = ["-m", "clients", "infer", "shapes", "--input", "image=shapes/examples/triangle.png"]
    answer = json.loads(run(own, cache, *asked, "--url", server.grpc, "--json"))
    outputs = {each["name"]: each["data"] for each in answer["outputs"]}
    assert outputs["label"] == ["triangle", "circle", "square"]
    assert sum(outputs["score"]) == pytest.approx(1)
