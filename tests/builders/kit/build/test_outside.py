"""Builds of a family outside the checkout: as of any other, and rebuilt when its code changes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from builders.kit.build.build import Result, build
from builders.kit.build.dry_run import dry_run
from builders.kit.build.only import reproduce
from builders.kit.recipe.profile import ProfileError, load_profile
from builders.kit.tasks.cache import Cache
from repository.families.outside import PACKAGE, forget
from runtime.inprocess import InProcess

TOY = Path(__file__).resolve().parent / "toys" / "toykit" / "toy"


class Outside:
    """The toy family in a folder of its own, with a profile beside it."""

    def __init__(self, folder: Path) -> None:
        self.family = folder / "code" / "json"  # named as a module of the standard library is
        shutil.copytree(TOY, self.family, ignore=shutil.ignore_patterns("__pycache__"))
        declared = (self.family / "family.py").read_text()
        declared = declared.replace("from toykit.toy import", "from . import")
        declared = declared.replace('"toykit.toy.stages', 'f"{__package__}.stages')
        # A relative path that the family declares starts at its folder.
        declared = declared.replace("path:nowhere.json", "path:weights/weights.json")
        assert "toykit" not in declared
        (self.family / "family.py").write_text(declared)
        (self.family / "weights").mkdir()
        (self.family / "weights" / "weights.json").write_text(
            json.dumps({"factor": 2.0, "shift": 1.0})
        )
        self.profile = folder / "profile" / "mine.yaml"
        self.profile.parent.mkdir()
        self.profile.write_text('triton: 24.10\nfamilies: {toy: {code: "path:../code/json"}}\n')
        self.cache, self.out = Cache(folder / "cache"), folder / "repository"
        self.age()

    def build(self) -> Result:
        forget(PACKAGE)
        return build(load_profile(self.profile), self.out, cache=self.cache)

    def plan(self) -> dict[str, str]:
        """What would run, and why."""
        forget(PACKAGE)
        tasks = dry_run(load_profile(self.profile), self.out, cache=self.cache).tasks
        return {each.name: each.why for each in tasks if each.action not in ("cached", "keep")}

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.family / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        self.age()

    def age(self) -> None:
        """As for a process that begins after all edits."""
        for path in self.family.rglob("*.py"):
            os.utime(path, (0, 0))


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    yield Outside(tmp_path)
    forget(PACKAGE)


def test_it_builds_from_any_working_directory_and_runs(
    outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outside.build().changed
    answer = InProcess(outside.out).run("toy", {"x": np.array([1, 2], np.float32)})
    assert answer["y"].tolist() == [3, 5]
    assert not outside.build().changed
    monkeypatch.chdir(tmp_path)
    assert not outside.build().changed
    assert outside.plan() == {}
    assert str(tmp_path) not in (outside.out / "manifest.json").read_text()


def test_a_comment_changes_nothing_and_code_rebuilds_what_it_makes(outside: Outside) -> None:
    outside.build()
    outside.edit("exports.py", "def scale", "# Why.\ndef scale")
    outside.edit("family.py", "x = Tensor", "# Why.\nx = Tensor")
    assert outside.plan() == {}
    outside.edit("stages/shift.py", "+ shift", "+ shift + 0")
    plan = outside.plan()
    assert set(plan) == {"metric toy/error", "model shift"}
    assert f"code {PACKAGE}.toy.stages.shift changed" in plan["metric toy/error"]
    outside.edit("exports.py", 'return {"operator": operator}', 'return {"operator": "x"}')
    assert {"export toy/scale", "export toy/move"} <= set(outside.plan())
    assert outside.build().changed


def test_a_folder_that_is_gone_since_the_profile_was_read_is_told(outside: Outside) -> None:
    profile = load_profile(outside.profile)
    shutil.rmtree(outside.family)
    for act in (build, dry_run):
        with pytest.raises(
            ProfileError, match=r"mine.yaml, line 2, families\.toy\.code: .*nothing at"
        ):
            act(profile, outside.out, cache=outside.cache)


@pytest.mark.thorough
def test_a_module_that_a_stage_imports_and_data_count_too(outside: Outside) -> None:
    (outside.family / "stages" / "words.py").write_text("PLUS = 0\n")
    outside.edit(
        "stages/shift.py", "import numpy as np", "import numpy as np\n\nfrom .words import PLUS"
    )
    outside.edit("stages/shift.py", "+ shift", "+ shift + PLUS")
    assert outside.build().changed
    assert (outside.out / "shift" / "1" / "stages" / "words.py").is_file()
    outside.edit("stages/words.py", "0", "-0")
    assert f"code {PACKAGE}.toy.stages.words changed" in outside.plan()["metric toy/error"]
    outside.build()
    inputs = outside.family / "evaluation" / "inputs.json"
    inputs.write_text('{"x": [4]}')
    assert set(outside.plan()) == {"metric toy/error"}
    # The stamp sees it too, though no build has looked at it yet.
    outside.build()
    assert outside.plan() == {}


def test_its_tasks_run_alone(outside: Outside) -> None:
    reproduce(load_profile(outside.profile), "parity toy/scale", cache=outside.cache)


def test_it_moves_with_its_profile_and_keeps_what_was_made(
    outside: Outside, tmp_path: Path
) -> None:
    outside.build()
    moved = tmp_path / "moved"
    moved.mkdir()
    for each in ("code", "profile"):
        (tmp_path / each).rename(moved / each)
    outside.profile = moved / "profile" / "mine.yaml"
    assert outside.plan() == {}
