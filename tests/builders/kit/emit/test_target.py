"""The folder that a build writes: swapped in whole, and never a stranger's files lost."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from builders.kit.emit import target as repository
from builders.kit.emit.target import Target, TargetError, put
from repository.manifest.schema import digest_of


def built(folder: Path, files: dict[str, bytes]) -> None:
    """A repository with a manifest, as a build leaves it."""
    document: dict[str, Any] = {
        **{name: {} for name in ("kit", "target", "profile", "families", "exports", "models")},
        "schema": 1,
        "metrics": [],
        "tools": {},
        "times": {},
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
    }
    document["digest"] = digest_of(document)
    for name, content in {**files, "manifest.json": json.dumps(document).encode()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def publish(target: Target, files: dict[str, bytes]) -> None:
    with target.locked(pytest.fail):
        built(target.stage(), files)
        target.publish()


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path / "out")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_first_repository_appears_and_the_second_replaces_it(
    target: Target, tmp_path: Path
) -> None:
    publish(target, {"a/1/x": b"1"})
    assert names(target.out) == ["a", "manifest.json"]
    publish(target, {"b/1/x": b"1"})
    assert names(target.out) == ["b", "manifest.json"]
    assert names(tmp_path) == ["out"]


def test_what_is_open_in_the_old_repository_stays_readable(target: Target) -> None:
    publish(target, {"a/1/x": b"old"})
    with (target.out / "a/1/x").open("rb") as file:
        publish(target, {"a/1/x": b"new"})
        assert file.read() == b"old"


def test_the_readme_moves_along_with_its_times(target: Target) -> None:
    target.out.mkdir()
    (target.out / "README.md").write_text("kept")
    os.utime(target.out / "README.md", ns=(1, 1))
    publish(target, {})
    assert (target.out / "README.md").read_text() == "kept"
    assert (target.out / "README.md").stat().st_mtime_ns == 1


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    target = Target(tmp_path / "link")
    target.refuse_strangers()
    publish(target, {"a/1/x": b"1"})
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == ["a", "manifest.json"]


def test_without_an_exchange_two_renames_do(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(target, {"a/1/x": b"1"})
    monkeypatch.setattr(repository, "_exchange", lambda one, other: False)
    publish(target, {"b/1/x": b"1"})
    assert names(target.out) == ["b", "manifest.json"]
    assert names(tmp_path) == ["out"]


def test_a_build_killed_between_the_two_renames_is_mended(target: Target, tmp_path: Path) -> None:
    publish(target, {"a/1/x": b"1"})
    target.out.rename(tmp_path / ".out.old")
    (tmp_path / ".out.building").mkdir()
    with target.locked(pytest.fail):
        assert names(target.out) == ["a", "manifest.json"]
    assert names(tmp_path) == ["out"]
    (tmp_path / ".out.old").mkdir()
    with target.locked(pytest.fail):
        pass
    assert names(tmp_path) == ["out"]


def test_a_folder_of_ours_an_empty_one_and_none_are_built_into(target: Target) -> None:
    target.refuse_strangers()
    target.out.mkdir()
    target.refuse_strangers()
    (target.out / "README.md").write_text("")
    target.refuse_strangers()
    publish(target, {"a/1/x": b"1"})
    (target.out / "a/1/__pycache__").mkdir()
    (target.out / "a/1/__pycache__/model.pyc").write_bytes(b"")
    target.refuse_strangers()


@pytest.mark.parametrize("name", ["thesis.odt", "a/1/notes", ".git/HEAD", "a/2/x"])
def test_a_strangers_file_is_refused_and_named(target: Target, name: str) -> None:
    publish(target, {"a/1/x": b"1"})
    (target.out / name).parent.mkdir(parents=True, exist_ok=True)
    (target.out / name).write_text("mine")
    with pytest.raises(TargetError) as caught:
        target.refuse_strangers()
    (finding,) = caught.value.findings
    assert finding.rule == "strangers"
    assert name in finding.found


def test_another_programs_manifest_is_a_strangers_file(target: Target) -> None:
    target.out.mkdir()
    (target.out / "manifest.json").write_text('{"name": "a web application"}')
    with pytest.raises(TargetError, match=r"manifest\.json"):
        target.refuse_strangers()
    # Known to come from a build of ours, a damaged manifest is no stranger's.
    target.refuse_strangers({"a/1/x"})


def test_many_strangers_are_counted(target: Target) -> None:
    target.out.mkdir()
    for number in range(9):
        (target.out / f"{number}").write_text("")
    with pytest.raises(TargetError, match="0, 1, 2, 3, 4 and 4 more"):
        target.refuse_strangers()


def test_a_file_is_no_folder(target: Target) -> None:
    target.out.write_text("")
    with pytest.raises(TargetError, match="found a file"):
        target.refuse_strangers()
    below = Target(target.out / "below")
    with pytest.raises(TargetError, match="to write in"), below.locked(pytest.fail):
        pass


def test_modes_do_not_depend_on_the_umask_or_on_what_was_copied(
    target: Target, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    secret.chmod(0o600)
    before = os.umask(0o077)
    try:
        with target.locked(pytest.fail):
            put(target.stage(), "a/1/x", secret)
            target.publish()
    finally:
        os.umask(before)
    assert (target.out / "a/1/x").stat().st_mode & 0o777 == 0o644
    assert (target.out / "a").stat().st_mode & 0o777 == 0o755


def test_an_exchange_that_fails_leaves_the_old_repository(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(target, {"a/1/x": b"1"})

    def fail(one: Path, other: Path) -> bool:
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(repository, "_exchange", fail)
    with pytest.raises(TargetError, match="a mount point"):
        publish(target, {"b/1/x": b"1"})
    assert names(target.out) == ["a", "manifest.json"]
