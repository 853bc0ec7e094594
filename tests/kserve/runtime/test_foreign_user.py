"""The declared arguments and environment, as a user who owns neither repository nor environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from repository.places import ROOT
from runtime.machine.environment import ServerEnvironment
from runtime.machine.needs import libpython_name
from tests.kserve.runtime.declared import ADMIN_KEY, container

PYTHON = Path(f"/usr/bin/{libpython_name()[3:].partition('.so')[0]}")
USER = """
import json, os, sys
from pathlib import Path
from runtime import live
from runtime.options.admin import GROUPS
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer

environment, models, options, memory = sys.argv[1:]
assert os.getuid() == 65534
assert not os.access(models, os.W_OK) and not os.access(environment, os.W_OK)
server = LocalServer(
    Path(models), load=(), environment=ServerEnvironment(Path(environment)),
    overrides=json.loads(options), open_groups=tuple(GROUPS),  # the declared options restrict them
)
server.start()
server.control.request("GET", "/v2/health/ready")
server.control.request("GET", "/v2/models/ocr/ready")
live.look(f"http://{server.http}", Path(memory))
server.stop(now=True)
"""
LOCAL = ("--model-repository", "--http-port", "--grpc-port", "--metrics-port")


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is missing")
@pytest.mark.skipif(not PYTHON.exists(), reason=f"another user cannot read any {PYTHON.name}")
def test_the_built_repository_is_served_by_who_can_only_read_it(
    server_environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = Path("/tmp") / tmp_path_factory.mktemp("foreign").name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    try:
        ignored = shutil.ignore_patterns("__pycache__")
        for package in ("repository", "runtime"):
            shutil.copytree(ROOT / package, folder / package, ignore=ignored)
        shutil.copytree(ROOT / "model_repository", folder / "models", ignore=ignored)
        subprocess.run([PYTHON, "-m", "venv", "--without-pip", folder / "environment"], check=True)
        packages = ServerEnvironment(folder / "environment").packages
        packages.rmdir()
        shutil.copytree(server_environment.packages, packages, symlinks=True)
        # The volumes of the manifest, and nothing else, are this user's.
        volumes = {"/tmp": folder / "tmp", "/cache": folder / "cache"}
        for volume in volumes.values():
            volume.mkdir()
            os.chown(volume, 65534, 65534)
        before = _everything(folder / "models") | _everything(folder / "environment")
        declared = container()
        options = [
            each.replace("$(TRITON_ADMIN_KEY)", ADMIN_KEY)
            for each in declared["args"]
            if each.startswith("--") and not each.startswith(LOCAL)
        ]
        variables = []
        for each in declared["env"]:
            value = each.get("value", ADMIN_KEY)
            for place, here in volumes.items():
                value = value.replace(place, str(here)) if value.startswith(place) else value
            variables.append(f"{each['name']}={value}")
        done = subprocess.run(
            [
                *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
                *("--bounding-set=-all", "--no-new-privs", "--", "env", "-i"),
                *("PATH=/usr/bin:/bin", f"PYTHONPATH={folder}", *variables),
                *(str(PYTHON), "-c", USER, str(folder / "environment"), str(folder / "models")),
                *(json.dumps(options), str(folder / "tmp" / "memory.json")),
            ],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert before == _everything(folder / "models") | _everything(folder / "environment")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _everything(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")
    }
