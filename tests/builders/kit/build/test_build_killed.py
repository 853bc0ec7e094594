"""Killed builds, builds side by side, full disks: the last good repository stays, whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from repository.manifest import read_manifest, verify
from tests.waiting import until

SCRIPT = Path(__file__).resolve().parent / "builds.py"
PYTHONPATH = f"{SCRIPT.parents[4]}:{SCRIPT.parent / 'toys'}"

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop"
    made.mkdir()
    set_weights(made, 1.0)
    return made


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts a build in a process of its own; none outlives the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, prefix: tuple[str, ...] = (), **environment: str) -> Any:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-B", str(SCRIPT), str(folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": PYTHONPATH, **environment},
            # A shell starts background jobs, and so all their children, with Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A file that holds an export of the builds that are told of it, for as long as it exists."""
    made = tmp_path / "held"
    made.touch()
    yield made
    made.unlink(missing_ok=True)


def set_weights(folder: Path, shift: float) -> None:
    (folder / "weights.json").write_text(json.dumps({"factor": 2.0, "shift": shift}))


def ended(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return dict(json.loads(out)), err


def leftovers(folder: Path) -> list[Path]:
    return [*folder.glob(".*"), *(folder / "cache").glob("*/work/*")]


def check_kills(start: Start, step: int) -> list[dict[str, Any]]:
    process = start("kill", "0", str(step))
    out, err = process.communicate(timeout=1100)
    assert process.returncode == 0, err
    kills = [json.loads(line) for line in out.splitlines()]
    assert [kill["died"] for kill in kills] == [True] * (len(kills) - 1) + [False]
    before, after = kills[0]["after"], kills[-1]["after"]
    assert before != after
    for kill in kills:
        # What is there is the old repository or the new one, never a mixture.
        assert kill["after"] in (before, after), kill
        assert kill["resumed"]["digest"] == kill["whole"] == after, kill
        assert kill["left"] == [], kill
    return kills


@pytest.mark.thorough
def test_a_killed_build_leaves_the_old_repository_and_the_next_one_resumes(start: Start) -> None:
    kills = check_kills(start, 16)
    assert len(kills) > 10
    ran = [len(kill["resumed"]["ran"]) for kill in kills]
    assert ran[0] >= 4
    assert ran[-1] == 0
    # What a killed build had finished is not done again.
    assert ran == sorted(ran, reverse=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_build_may_be_killed_at_any_file_operation(start: Start) -> None:
    assert len(check_kills(start, 1)) > 150


@pytest.mark.thorough
def test_a_build_killed_at_any_moment_is_mended_by_the_next(folder: Path, start: Start) -> None:
    ended(start("build"))
    for delay in (0.9, 1.4):
        set_weights(folder, delay)
        process = start("build", TOY_SECONDS="1")
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert verify(folder / "repository") == []
    result, _ = ended(start("build"))
    assert read_manifest(folder / "repository").digest == result["digest"]
    assert leftovers(folder) == []


def test_an_interrupted_build_tidies_up_at_once(folder: Path, start: Start, held: Path) -> None:
    process = start("build", TOY_HELD_BY=str(held))
    until(lambda: temporary(folder))
    process.send_signal(signal.SIGINT)
    held.unlink()  # an export that is under way ends first
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert not (folder / "repository").exists()
    assert leftovers(folder) == []


def temporary(folder: Path) -> list[Path]:
    """What a library's temporary folders hold now, wherever they are."""
    return [*(folder / "tmp").glob("export-*/*"), *(folder / "cache").glob("*/work/*/export-*/*")]


@pytest.mark.thorough
def test_temporary_files_of_a_killed_build_go_when_the_next_one_starts(
    folder: Path, start: Start
) -> None:
    (folder / "tmp").mkdir()
    environment = {"TMPDIR": str(folder / "tmp"), "TOY_SECONDS": "600"}
    live = start("build", f"out={folder / 'other'}", **environment)
    until(lambda: len(temporary(folder)) == 1)
    killed = start("build", **environment)
    until(lambda: len(temporary(folder)) == 2)
    killed.kill()
    killed.communicate()
    # The live one's stay.
    ended(start("build", TMPDIR=str(folder / "tmp")))
    assert len(temporary(folder)) == 1
    assert live.poll() is None
    live.kill()
    live.communicate()
    # A start that finds nothing to do sweeps too.
    result, _ = ended(start("build", TMPDIR=str(folder / "tmp")))
    assert not result["changed"]
    assert temporary(folder) == []
    assert [*(folder / "cache").glob("*/work/*")] == []


@pytest.mark.thorough
def test_two_builds_of_one_folder_wait_for_each_other(
    folder: Path, start: Start, held: Path
) -> None:
    first = start("build", TOY_HELD_BY=str(held))
    until(lambda: temporary(folder))
    second = start("build")
    assert any("waiting for it to end" in line for line in second.stderr or ())
    held.unlink()
    (one, _), (two, _) = ended(first), ended(second)
    assert one["digest"] == two["digest"]
    assert (one["changed"], two["changed"]) == (True, False)
    assert two["ran"] == []
    assert verify(folder / "repository") == []
    assert leftovers(folder) == []


@pytest.mark.thorough
def test_builds_of_two_folders_share_a_cache_at_once(folder: Path, start: Start) -> None:
    processes = [
        start("build", f"out={folder / name}", TOY_SECONDS="0.5")
        for name in ("one", "two", "three")
    ]
    digests = {ended(process)[0]["digest"] for process in processes}
    assert len(digests) == 1
    for name in ("one", "two", "three"):
        assert verify(folder / name) == []
    assert leftovers(folder) == []


def mounted(folder: Path, options: str) -> tuple[str, ...]:
    """A prefix that runs a command with a small tmpfs on a folder, seen by nobody else."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a mount needs root")
    probe = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        capture_output=True,
    )
    if probe.returncode != 0:
        pytest.skip("no mounts here")
    script = f'mount -t tmpfs -o {options} tmpfs "{folder}" && exec "$@"'
    return ("unshare", "-m", "sh", "-c", script, "sh")


def test_a_full_disk_is_one_sentence(folder: Path, start: Start) -> None:
    (folder / "small").mkdir()
    prefix = mounted(folder / "small", "size=1m")
    process = start("build", f"out={folder / 'small' / 'r'}", prefix=prefix, TOY_PADDING="500000")
    result, _ = ended(process)
    assert result["rules"] == ["disk-full"]
    assert f"1 MB in {folder / 'small'}" in result["error"]
    assert "\n" not in result["error"]


@pytest.mark.thorough
def test_a_full_cache_is_one_sentence_and_leaves_the_old_repository(
    folder: Path, start: Start
) -> None:
    before, _ = ended(start("build"))
    set_weights(folder, 1.125)
    prefix = mounted(folder / "cache", "size=1m")
    result, _ = ended(start("build", prefix=prefix, TOY_PADDING="500000"))
    assert result["rules"] == ["disk-full"]
    assert verify(folder / "repository") == []
    assert read_manifest(folder / "repository").digest == before["digest"]
    assert leftovers(folder) == []


@pytest.mark.thorough
def test_a_read_only_folder_is_one_sentence(folder: Path, start: Start) -> None:
    (folder / "frozen").mkdir()
    prefix = mounted(folder / "frozen", "ro")
    result, _ = ended(start("build", f"out={folder / 'frozen' / 'r'}", prefix=prefix))
    assert result["rules"] == ["folder"]
    assert "Read-only file system" in result["error"]


@pytest.mark.thorough
def test_a_mount_point_cannot_be_swapped_and_says_so(folder: Path, start: Start) -> None:
    (folder / "volume").mkdir()
    prefix = mounted(folder / "volume", "size=9m")
    result, _ = ended(start("build", f"out={folder / 'volume'}", prefix=prefix))
    assert result["rules"] == ["folder"]
    assert "a mount point" in result["error"]
