"""What a command writes is whole or not there, on a full disk and when it is killed."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders.cli.app import app
from repository.files.whole_file import write_whole


def child(work: Callable[[], object]) -> int:
    """Run something in a process of its own; how it ended."""
    made = os.fork()
    if not made:
        try:
            work()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(made, 0)[1])


@pytest.fixture(params=["without a name", "with a name"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways; the second is that of file systems which lack the first."""
    if request.param == "with a name":
        monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY)
    return str(request.param)


def test_a_file_is_written_and_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out.json"
    write_whole(path, b"one")
    path.chmod(0o640)
    write_whole(path, b"two")
    assert path.read_bytes() == b"two" and path.stat().st_mode & 0o777 == 0o640
    (tmp_path / "link").symlink_to(path)
    write_whole(tmp_path / "link", b"three")
    assert path.read_bytes() == b"three" and (tmp_path / "link").is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "out.json"]


def test_a_new_file_has_the_mode_that_the_user_asks_for(tmp_path: Path, kind: str) -> None:
    def write() -> None:
        os.umask(0o027)
        write_whole(tmp_path / "out", b"x")

    assert child(write) == 0
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("before", [None, b"what was there"])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, kind: str, before: bytes | None) -> None:
    path = tmp_path / "out"
    if before is not None:
        path.write_bytes(before)

    def write() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        write_whole(path, bytes(5000))

    assert child(write) == 1
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == (
        {} if before is None else {"out": before}
    )


def test_whoever_is_killed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))
    assert child(lambda: write_whole(tmp_path / "out", bytes(5000))) == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_where_files_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        write_whole(tmp_path / "none" / "out", b"x")
    with pytest.raises(OSError):
        write_whole(Path("/dev/full"), b"x")
    write_whole(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()


def test_the_commands_say_that_a_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.cli.sbom.as_built", lambda *_: None)
    monkeypatch.setattr("repository.bom.sbom", lambda *_: "x" * 5000)
    for out in ("/dev/full", tmp_path / "none/out"):
        result = CliRunner().invoke(app, ["sbom", "--out", str(out)])
        assert result.exit_code == 1 and f"error: cannot write {out}: " in result.output
