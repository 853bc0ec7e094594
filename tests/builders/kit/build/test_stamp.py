"""A build has nothing to do only if nothing changed that could change it, or its check."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.kit.graph.layout import COPIED
from builders.kit.tasks.code import CodeReader

ROOT = Path(__file__).resolve().parents[4]
SCRIPT = Path(__file__).resolve().parent / "builds.py"
TOYS = SCRIPT.parent / "toys"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout's code, to be edited."""
    made = tmp_path_factory.mktemp("checkout")
    for name in ("builders", "repository", "runtime"):
        shutil.copytree(
            ROOT / name, made / name, ignore=shutil.ignore_patterns("__pycache__", "demo", "*.ogg")
        )
    return made


@pytest.fixture(scope="module")
def unchanged(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], bool]:
    """Builds the toy family with that code, and says whether there was nothing to do."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "weights.json").write_text('{"factor": 2.0, "shift": 1.0}')

    def build() -> bool:
        done = subprocess.run(
            [sys.executable, "-B", str(SCRIPT), str(folder), "build"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{checkout}:{TOYS}"},
            cwd=folder,
        )
        assert done.returncode == 0 and "error" not in json.loads(done.stdout), done.stderr
        return "cached" not in done.stderr and "built" not in done.stderr

    assert not build()
    assert build()
    return build


def edit(path: Path, text: str) -> None:
    """Add to a file that was written before the build began."""
    with path.open("a") as file:
        file.write(text)
    before = path.parent.stat().st_mtime - 9
    os.utime(path, (before, before))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name",
    [
        "repository/onnxruntime_rules/rules.py",  # the check takes its rules from there
        "runtime/requirements.txt",
        "repository/copied/stage_model.py",  # named in a text alone, and copied into repositories
    ],
)
def test_what_a_build_leads_to_is_watched(
    checkout: Path, unchanged: Callable[[], bool], name: str
) -> None:
    edit(checkout / name, "\n# Another line.\n")
    assert not unchanged()


@pytest.mark.thorough
def test_what_no_build_leads_to_is_not(checkout: Path, unchanged: Callable[[], bool]) -> None:
    unchanged()
    for name in ("runtime/watch/heal.py", "runtime/machine/doctor.py", "builders/cli/app.py"):
        edit(checkout / name, "\n# Another line.\n")
    assert unchanged()


@pytest.mark.thorough
def test_a_module_that_may_shadow_another_is_watched(
    checkout: Path, unchanged: Callable[[], bool]
) -> None:
    (checkout / "repository/onnxruntime_rules/json.py").write_text("")
    assert not unchanged()
    (checkout / "builders/kit/tasks/cache").mkdir()
    assert unchanged()


def test_all_that_the_shipped_families_check_and_copy_is_found() -> None:
    files, packages = CodeReader().files_of(
        "builders.kit.build.build", "builders.ocr.family", "builders.asr.family"
    )
    names = {path.relative_to(ROOT).as_posix() for path in files}
    checks = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("repository/check/**/*.py")}
    assert names >= checks | {f"{name.replace('.', '/')}.py" for name in COPIED}
    rules = ("rules", "facts", "options", "advice", "sequence")
    assert names >= {f"repository/onnxruntime_rules/{name}.py" for name in rules}
    assert {"onnx", "onnxruntime", "torch", "transformers", "google"} <= packages
