"""Another user than the one who installed and built, without any rights."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from repository.places import ROOT
from runtime.machine.environment import ServerEnvironment
from runtime.machine.needs import libpython_name
from tests.runtime.fixtures import PythonModel

PYTHON = Path(f"/usr/bin/{libpython_name()[3:].partition('.so')[0]}")

USER = """
import http.client, os, sys
from pathlib import Path
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer

assert os.getuid() == 65534
assert not os.access(sys.argv[2], os.W_OK)
server = LocalServer(
    Path(sys.argv[2]),
    environment=ServerEnvironment(Path(sys.argv[1])),
    exit_grace_seconds=600,
)
server.start()
assert [(status.name, status.ready) for status in server.control.index()] == [("sleeper", True)]
idle = http.client.HTTPConnection(server.http)
idle.request("GET", "/v2/health/live")
idle.getresponse().read()
server.stop()
"""


@pytest.mark.thorough
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is missing")
@pytest.mark.skipif(not PYTHON.exists(), reason=f"another user cannot read any {PYTHON.name}")
def test_another_user_serves_a_repository_that_it_can_only_read(
    server_environment: ServerEnvironment,
    python_model: PythonModel,
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="unprivileged-", dir="/tmp"))
    folder.chmod(0o755)
    own = Path(tempfile.mkdtemp(prefix="unprivileged-", dir="/tmp"))
    os.chown(own, 65534, 65534)
    try:
        for package in ("repository", "runtime"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, folder / package, ignore=ignored)
        python_model(folder / "models", "sleeper")
        environment = folder / "environment"
        subprocess.run([PYTHON, "-m", "venv", "--without-pip", environment], check=True)
        packages = ServerEnvironment(environment).packages
        packages.rmdir()
        shutil.copytree(
            server_environment.packages,
            packages,
            symlinks=True,
            copy_function=os.link
            if _same_device(server_environment.packages, folder)
            else shutil.copy,
            ignore=shutil.ignore_patterns("onnxruntime", "cv2", "pip", "setuptools"),
        )
        before = _everything(folder)
        done = subprocess.run(
            [
                *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
                *("--bounding-set=-all", "--no-new-privs", "--", "env", "-i"),
                *("PATH=/usr/bin:/bin", f"PYTHONPATH={folder}", "PYTHONDONTWRITEBYTECODE=1"),
                f"TMPDIR={own}",
                *(str(PYTHON), "-c", USER, str(environment), str(folder / "models")),
            ],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert _everything(folder) == before
        assert list((own / "triton-kit-65534").iterdir()) == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(own, ignore_errors=True)


def _same_device(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _everything(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")
    }
