"""The server environment: when it is made, and what is said when it cannot be."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
import venv
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from repository.places import ROOT
from runtime import processes
from runtime.errors import EnvironmentUnfit
from runtime.machine import environment, install, needs
from runtime.machine.environment import STAMP, ServerEnvironment
from tests.runtime.fixtures import WaitUntil


def test_a_complete_environment_is_taken_as_it_is(
    server_environment: ServerEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    made: list[object] = []
    monkeypatch.setattr(install, "_make", lambda *arguments: made.append(arguments))
    assert install.install(server_environment.folder, progress=told.append) == server_environment
    assert (told, made) == ([], [])


def test_the_command_says_nothing_of_pip(server_environment: ServerEnvironment) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runtime", "install"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stderr == f"server environment: {server_environment.folder} is complete\n"


@pytest.mark.parametrize(
    "stamp", [None, "", "[]", "[" * 100_000, json.dumps({"python": "3.11.0", "requirements": "0"})]
)
def test_an_environment_that_is_not_todays_is_refused(tmp_path: Path, stamp: str | None) -> None:
    if stamp is not None:
        (tmp_path / STAMP).write_text(stamp)
    with pytest.raises(EnvironmentUnfit, match="python -m runtime install"):
        environment.server_environment(tmp_path)


def test_a_changed_requirement_makes_an_environment_out_of_date(
    server_environment: ServerEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server_environment.is_current()
    changed = tmp_path / "requirements.txt"
    changed.write_text(environment.REQUIREMENTS.read_text() + "\n# more")
    monkeypatch.setattr(environment, "REQUIREMENTS", changed)
    assert not server_environment.is_current()


def test_pips_own_words_are_given_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links=/dev/null"]
    with pytest.raises(EnvironmentUnfit) as raised:
        install._run_pip([*command, "no-such-package-in-this-folder==1.0"], lambda _: None)
    message = str(raised.value)
    assert "pip could not install the server environment (exit code 1)" in message
    assert "No matching distribution found for no-such-package-in-this-folder==1.0" in message
    assert f"To repeat it: {sys.executable} -m pip install" in message


def test_the_old_environment_stays_when_a_new_one_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "env"
    folder.mkdir()
    (folder / "kept").touch()
    builder = venv.EnvBuilder

    def without_pip(**options: Any) -> venv.EnvBuilder:
        return builder(**(options | {"with_pip": False}))

    monkeypatch.setattr(venv, "EnvBuilder", without_pip)
    with pytest.raises(EnvironmentUnfit, match="No module named pip"):
        install.install(folder)
    assert (folder / "kept").exists()


def test_an_installation_that_is_killed_is_not_taken_for_complete(tmp_path: Path) -> None:
    folder = tmp_path / "env"
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime", "install", "--folder", str(folder)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    partial = tmp_path / "env.partial"
    while not (partial / "pyvenv.cfg").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not folder.exists()
    with pytest.raises(EnvironmentUnfit, match="is not there"):
        environment.server_environment(folder)


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnfit, match="Cannot make the server environment"):
        install.install(tmp_path / "none" / "env")


@pytest.mark.slow
def test_an_environment_is_made_after_one_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "env.partial" / "lib").mkdir(parents=True)
    told: list[str] = []
    made = install.install(tmp_path / "env", progress=told.append)
    assert made.is_current()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["env"]
    code = "import cv2, numpy, onnxruntime, PIL; print(numpy.__version__)"
    done = subprocess.run([made.python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1.26.4\n"
    scripts = (made.folder / "bin").glob("pip*")
    assert all("partial" not in script.read_text() for script in scripts)


def test_another_machine_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(EnvironmentUnfit, match="serve the repository in a container"):
        needs.check_machine()


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 13, 0)])
def test_another_python_is_told_so(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(EnvironmentUnfit, match=r"fit Python 3\.11 and 3\.12"):
        needs.check_machine()


@pytest.mark.parametrize("libc", ["glibc 2.31", "glibc 2.34", None])
def test_an_old_glibc_is_told_so(monkeypatch: pytest.MonkeyPatch, libc: str | None) -> None:
    monkeypatch.setattr(os, "confstr", lambda _: libc)
    with pytest.raises(EnvironmentUnfit, match=r"needs glibc 2\.35 or newer"):
        needs.check_machine()


def test_a_python_without_a_shared_library_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "libpython_folder", lambda: None)
    monkeypatch.setattr(needs, "libpython_name", lambda: "libpython3.0.so.1.0")
    with pytest.raises(EnvironmentUnfit, match=r"libpython3\.0\.so\.1\.0.*apt-get install"):
        needs.check_machine()


def test_every_requirement_is_pinned_and_the_stages_part_comes_last() -> None:
    lines = environment.REQUIREMENTS.read_text().splitlines()
    assert all("==" in line for line in lines if line and not line.startswith("#"))
    server, _, stages = environment.REQUIREMENTS.read_text().partition("# stages:")
    assert "numpy==1.26.4" in server
    assert "opencv-python-headless==" in stages
    assert "nvidia-pytriton" not in stages


def test_the_server_environment_has_exactly_what_its_requirements_name(
    server_environment: ServerEnvironment,
) -> None:
    wanted = {
        line.partition("==")[0].replace("_", "-"): line.partition("==")[2].partition(";")[0]
        for line in environment.REQUIREMENTS.read_text().splitlines()
        if "==" in line and not line.endswith('< "3.11"')
    }
    there = {
        distribution.name.lower().replace("_", "-"): distribution.version
        for distribution in distributions(path=[str(server_environment.packages)])
    }
    assert there.items() >= wanted.items()
    assert there.keys() - wanted.keys() <= {"pip", "setuptools"}


PIP = """
import subprocess, sys
from runtime.machine import install
install._run_pip([sys.executable, "-c", sys.argv[1]], print)
"""
WAITS = "import os, time; print('Collecting', os.getpid(), flush=True); time.sleep(600)"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_pip_does_not_outlive_the_install(number: int, wait_until: WaitUntil) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", PIP, WAITS], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    pip = int(process.stdout.readline().split()[1])
    assert processes.is_running(pip)
    process.send_signal(number)
    process.wait()
    process.stdout.close()
    wait_until(lambda: not processes.is_running(pip))
