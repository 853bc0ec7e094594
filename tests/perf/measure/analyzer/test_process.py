"""Commands that crash, hang, chatter or are killed, under the guard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from perf.errors import LegFailed
from perf.measure.analyzer import guard, process
from repository.places import ROOT
from runtime import processes
from tests.waiting import until

REGION = f"perf_test_{os.getpid()}"
"""Shared memory that the commands here make."""


def run(folder: Path, script: str, timeout_seconds: float = 60.0) -> None:
    process.run(
        [sys.executable, "-S", "-c", script],
        folder,
        variables=process.variables(None, "127.0.0.1:8001"),
        regions=[REGION],
        timeout_seconds=timeout_seconds,
    )


def is_gone(pid_file: Path) -> bool:
    return not processes.is_running(int(pid_file.read_text()))


SAYS_WHO_IT_IS = """
import os, time
open("own.partial", "w").write(str(os.getpid()))
os.rename("own.partial", "own")
"""
HANG = f"""
import os, subprocess, threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()  # one that may yet send
open("/dev/shm/{REGION}", "w").close()
child = subprocess.Popen(["sleep", "600"])
open("child", "w").write(str(child.pid))
{SAYS_WHO_IT_IS}
time.sleep(600)
"""


def test_it_runs_in_its_folder_and_ends_well(tmp_path: Path) -> None:
    run(tmp_path, "import os; open('here', 'w').write(os.environ['no_proxy'])")
    assert (tmp_path / "here").read_text().endswith("127.0.0.1")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("import os; os.abort()", r"^perf_analyzer crashed \(SIGABRT\): it said nothing$"),
        ("raise SystemExit(3)", "^perf_analyzer failed: exit code 3, and it said nothing$"),
        (
            "import sys; sys.exit('WARNING: noise\\n\\nerror: failed to get  model metadata: no')",
            "^perf_analyzer failed: failed to get model metadata: no$",
        ),
        (
            "import sys; sys.exit(\"Thread [1] had error: in ensemble 'o', too big\\n\\n\")",
            "^perf_analyzer stopped at a request that failed: too big$",
        ),
        (
            "import sys; sys.exit('x\\n' * 1000000 + '\\udcff' + 'y' * 1000)",
            "^perf_analyzer failed: y{400}$",
        ),
        ("bytearray(1 << 50)", "^perf_analyzer failed: .*MemoryError$"),
        ("import sys; sys.exit('std::bad_alloc')", "for want of memory.*measure fewer requests"),
    ],
)
def test_how_it_failed_is_one_sentence(tmp_path: Path, script: str, sentence: str) -> None:
    with pytest.raises(LegFailed, match=sentence):
        run(tmp_path, script)


def test_its_memory_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "memory_available", lambda: 1 << 27)
    with pytest.raises(LegFailed, match="MemoryError"):
        run(tmp_path, "bytearray(1 << 26)")
    with pytest.raises(LegFailed, match=r"for want of memory, with 0\.\d GiB of the 0\.1 GiB"):
        run(tmp_path, "import os; kept = b'x' * (40 << 20); os.abort()")


def test_a_command_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LegFailed, match="No such file or directory: '/nowhere/perf_analyzer'"):
        process.run(
            ["/nowhere/perf_analyzer"], tmp_path, variables={}, regions=[], timeout_seconds=5
        )


def test_one_that_does_not_end_is_stopped_with_its_children(tmp_path: Path) -> None:
    for seconds in (1, 10, 60):
        with pytest.raises(LegFailed, match=f"did not end within {seconds} s and was stopped"):
            run(tmp_path, HANG, timeout_seconds=seconds)
        if (tmp_path / "own").exists():  # it got so far
            break
    assert is_gone(tmp_path / "own")
    until(lambda: is_gone(tmp_path / "child"))
    assert not (guard.SHARED_MEMORY / REGION).exists()


def test_it_ends_with_its_owner_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    owner = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys; from pathlib import Path; from perf.measure.analyzer import process\n"
            f"process.run([sys.executable, '-S', '-c', {HANG!r}], Path({str(folder)!r}),\n"
            f"    variables={{}}, regions=[{REGION!r}], timeout_seconds=600)",
        ],
        cwd=ROOT,
    )
    until((folder / "own").exists)
    pids = [int((folder / name).read_text()) for name in ("own", "child")]
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    until(lambda: not folder.exists())
    until(lambda: not any(map(processes.is_running, pids)))
    assert not (guard.SHARED_MEMORY / REGION).exists()


def test_it_ends_with_its_guard(tmp_path: Path) -> None:
    (tmp_path / guard.COMMAND).write_text("{}")
    killer = f"{SAYS_WHO_IT_IS}\nos.kill(os.getppid(), {int(signal.SIGKILL)}); time.sleep(60)"
    with pytest.raises(LegFailed, match=r"guard was ended from outside \(SIGKILL\)"):
        run(tmp_path, killer)
    until(lambda: is_gone(tmp_path / "own"))


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, f"{SAYS_WHO_IT_IS}\ntime.sleep(60)")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not (tmp_path / "own").exists() or is_gone(tmp_path / "own")


@pytest.mark.slow
def test_a_command_whose_thread_waits_is_not_stalled(tmp_path: Path) -> None:
    script = "import threading, time; threading.Thread(target=time.sleep, args=(SECONDS,)).start()"
    run(tmp_path, script.replace("SECONDS", str(guard.STALL_SECONDS + 3)))


@pytest.mark.thorough
def test_a_command_that_only_waits_is_stalled(tmp_path: Path) -> None:
    with pytest.raises(process.Stalled, match="lost count of"):
        run(tmp_path, "import time\nwhile True: time.sleep(1)")
