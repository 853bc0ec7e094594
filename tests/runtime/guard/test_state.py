"""What is a server's own, and what is not."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import processes
from runtime.guard import state


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base folder of this test's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "triton-kit"


def sleeper(variables: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"],
        env=os.environ | variables,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_state_whose_lock_is_held_is_left_alone_and_removed_when_it_is_let_go() -> None:
    own, lock = state.create()
    region = state.SHARED_MEMORY / f"{own.shared_memory_prefix}python-1"
    folder = state.TEMPORARY / f"{own.temporary_prefix}abcdef"
    region.touch()
    folder.mkdir()
    process = sleeper({state.VARIABLE: own.id})
    try:
        assert state.sweep() == []
        assert region.exists()
        assert processes.is_running(process.pid)
        os.close(lock)
        assert state.sweep() == [own.id]
        assert not region.exists()
        assert not folder.exists()
        assert not own.folder.exists()
        assert process.wait(timeout=60) == -9
    finally:
        process.kill()
        process.communicate()
        region.unlink(missing_ok=True)


def test_a_process_with_another_id_is_not_its_own() -> None:
    own, lock = state.create()
    process = sleeper({state.VARIABLE: own.id + "0"})
    try:
        assert own.processes() == []
        os.close(lock)
        state.sweep()
        assert processes.is_running(process.pid)
    finally:
        process.kill()
        process.communicate()


def test_a_lock_is_held_by_whoever_has_a_copy_of_its_descriptor() -> None:
    own, lock = state.create()
    copy = os.dup(lock)
    os.close(lock)
    assert state.sweep() == []
    os.close(copy)
    assert state.sweep() == [own.id]


def test_ids_are_such_that_no_name_begins_like_another() -> None:
    first, first_lock = state.create()
    second, second_lock = state.create()
    try:
        assert len(first.id) == len(second.id) == 8
        assert first.id != second.id
    finally:
        os.close(first_lock)
        os.close(second_lock)
        state.sweep()


def test_a_base_folder_that_others_may_write_is_refused(base: Path) -> None:
    base.mkdir(mode=0o700)
    base.chmod(0o777)
    with pytest.raises(PermissionError, match="remove it"):
        state.create()


def test_a_base_folder_that_is_a_link_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    base.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        state.create()


def test_files_in_the_base_folder_are_not_states(base: Path) -> None:
    own, lock = state.create()
    (base / "install-1.lock").touch()
    os.close(lock)
    assert state.sweep() == [own.id]
    assert (base / "install-1.lock").exists()


@pytest.mark.parametrize("name", ["*", "[0-9a-f]*", "01", "0123abcd "])
def test_a_folder_of_another_name_is_no_state(
    base: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a pattern it would mean every server's regions."""
    monkeypatch.setattr(state, "SHARED_MEMORY", tmp_path)
    region = tmp_path / "triton_kit_01234567_python"
    region.touch()
    (state.base_folder() / name).mkdir()
    assert state.sweep() == []
    assert region.exists() and (base / name).is_dir()


def test_the_lock_of_a_state_is_exclusive() -> None:
    own, lock = state.create()
    other = os.open(own.folder, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
    os.close(lock)
    state.sweep()
