"""A new family is written whole, under a name that nothing has, and over nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from builders.kit.checkout import Checkout
from builders.kit.recipe.profile import load_profile
from builders.new import write as module
from builders.new.write import NewError, write_family

ROOT = Path(__file__).resolve().parents[3]


def test_it_is_a_family_of_its_name_and_no_word_of_the_template_is_left(tmp_path: Path) -> None:
    written = write_family("leaf_kinds", tmp_path / "own")
    files = [path for path in (tmp_path / "own").rglob("*") if path.is_file()]
    assert len(files) > 15
    assert [path for path in files if "newfamily" in str(path)] == []
    assert [path for path in files if b"newfamily" in path.read_bytes()] == []
    profile = load_profile(written.start / written.profile)
    assert Checkout(code=profile.code).load("leaf_kinds").name == "leaf_kinds"
    assert (written.start / written.tests / "test_leaf_kinds.py").is_file()


def test_what_is_written_is_clean_to_ruff(tmp_path: Path) -> None:
    write_family("shapes", tmp_path / "own")
    for command in (
        # How imports are ordered depends on whose they are.
        [
            "ruff",
            "check",
            "--no-cache",
            "--config",
            str(ROOT / "pyproject.toml"),
            "--ignore=I",
            ".",
        ],
        ["ruff", "format", "--no-cache", "--check", "--line-length", "100", "."],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path / "own", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "found ''"),
        ("My", "found 'My'"),
        ("my-own", "found 'my-own'"),
        ("../up", "found '../up'"),
        ("1st", "found '1st'"),
        ("class", "found 'class'"),
        ("a" * 41, "at most 40"),
        ("ocr", "expected one that no family has, found the folder"),
        ("json", "found the package 'json'. Choose another, as json_models"),
        ("torch", "found the package 'torch'"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(NewError) as caught:
        write_family(name, tmp_path / "own")
    assert told in str(caught.value)
    assert not (tmp_path / "own").exists()


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "notes.txt").write_text("mine")
    with pytest.raises(NewError, match="expected a new folder, or an empty one, found files"):
        write_family("shapes", tmp_path / "own")
    with pytest.raises(NewError, match="found a file"):
        write_family("shapes", tmp_path / "own" / "notes.txt")
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["notes.txt"]
    with pytest.raises(NewError, match="expected a folder outside the kit's checkout"):
        write_family("shapes", ROOT / "shapes")


def test_in_the_checkout_it_is_one_of_the_kits_families(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders = tmp_path / "builders"
    (builders / "profiles").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(module, "BUILDERS", builders)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    written = write_family("shapes")
    assert (written.folder, written.profile) == (builders / "shapes", "shapes")
    assert (builders / "shapes" / "family.py").is_file()
    assert "code" not in (builders / "profiles" / "shapes.yaml").read_text()
    test = (tmp_path / "tests" / "builders" / "shapes" / "test_shapes.py").read_text()
    assert 'PROFILE = "shapes"' in test
    assert not (builders / "pyproject.toml").exists()
    with pytest.raises(NewError, match="expected files that are not there yet"):
        write_family("shapes")
