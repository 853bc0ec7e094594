"""From ``builders new`` to a served answer, with the commands that it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(folder: Path, cache: Path, *command: str, python: Path = Path(sys.executable)) -> str:
    """Runs a Python command in a folder, with the kit of this checkout; returns what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [python, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_family_has_a_plan_and_what_to_do_next(tmp_path: Path) -> None:
    commands = made(tmp_path)
    own, cache = tmp_path / "own", tmp_path / "cache"
    planned = run(own, cache, "-m", "builders", "plan", *commands[1].split()[4:6])
    assert "build" in planned and "shapes" in planned


def made(folder: Path) -> list[str]:
    """Makes a family in a folder's ``own``; the commands that it is told to be followed by."""
    told = run(folder, folder / "cache", "-m", "builders", "new", "shapes", "--at", "own")
    commands = [line.strip() for line in told.splitlines()[1:]]
    assert commands == [
        "cd own",
        "python -m builders build --profile shapes.yaml --out shapes_repository",
        "python -m unittest discover tests",
        "python -m runtime serve shapes_repository",
    ]
    return commands


@pytest.mark.thorough
def test_a_new_family_builds_passes_its_test_and_is_served(tmp_path: Path, serve: Any) -> None:
    commands = made(tmp_path)
    own, cache = tmp_path / "own", tmp_path / "cache"
    run(own, cache, *commands[1].split()[1:])
    run(own, cache, *commands[2].split()[1:])

    server = serve(own / "shapes_repository")
    asked = ["-m", "clients", "infer", "shapes", "--input", "image=shapes/examples/triangle.png"]
    answer = json.loads(run(own, cache, *asked, "--url", server.grpc, "--json"))
    outputs = {each["name"]: each["data"] for each in answer["outputs"]}
    assert outputs["label"] == ["triangle", "circle", "square"]
    assert sum(outputs["score"]) == pytest.approx(1)


@pytest.mark.thorough
def test_once_installed_it_is_found_by_its_entry_point(tmp_path: Path) -> None:
    cache, own, elsewhere = tmp_path / "cache", tmp_path / "own", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(tmp_path, cache, "-m", "builders", "new", "shapes", "--at", "own")
    run(tmp_path, cache, "-m", "venv", "--without-pip", "venv")
    # It sees the packages of this environment, and the kit of this checkout.
    python = tmp_path / "venv" / "bin" / "python"
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (packages / "seen.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    install = [
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    run(tmp_path, cache, "-m", "pip", *install, str(own))

    (elsewhere / "mine.yaml").write_text("triton: 24.10\nfamilies: {shapes: }\n")
    build = ["-m", "builders", "build", "--profile", "mine.yaml", "--out", "built", "--quiet"]
    run(elsewhere, cache, *build, python=python)
    manifest = json.loads((elsewhere / "built" / "manifest.json").read_text())
    assert manifest["metrics"][0]["name"] == "accuracy"
    assert (packages / "shapes" / "family.py").is_file()
    # The package and a folder are two families of one name.
    refused = subprocess.run(
        [python, "-m", "builders", "plan", "--profile", own / "shapes.yaml"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert str(own / "shapes") in refused.stderr
    assert "the entry point of shapes, shapes = shapes" in refused.stderr
