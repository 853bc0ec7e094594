"""The kit away from its checkout: what the wheel holds, and that it builds, serves and asks."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from repository.manifest import VERSION
from repository.places import PACKAGES, ROOT, made_folder
from tests.packaging import wheel as wheels

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]

FREE_PORTS = ("--http-port=0", "--grpc-port=0", "--metrics-port=0")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build(tmp_path_factory.mktemp("wheel"))


class Installed:
    """The kit in an environment of its own, used in an empty folder."""

    def __init__(self, commands: Path, folder: Path) -> None:
        self.commands, self.folder = commands, folder
        self.data = folder / "data"
        self.work = folder / "work"
        self.work.mkdir()
        # The environment of the server takes minutes to make; it is that of the checkout.
        server = made_folder(".venv-server")
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        place = self.data / "triton-multimodal-kit" / python
        place.mkdir(parents=True)
        (place / "venv-server").symlink_to(server)
        self.variables = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "XDG_DATA_HOME": str(self.data),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.commands / "tmk", *arguments],
            cwd=self.work,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        process = self.start(*arguments)
        said, told = process.communicate()
        assert process.returncode == code, told
        return said


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    return Installed(wheels.install(wheel, folder / "environment"), folder)


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
    expected = wheels.expected()
    assert (sorted(expected - names), sorted(names - expected)) == ([], [])
    assert {f"{each}/py.typed" for each in PACKAGES} <= names


def test_the_checkout_has_no_part_in_it(installed: Installed) -> None:
    code = "import builders, tmk; print(builders.__file__); print(tmk.__file__)"
    python = installed.commands / "python"
    done = subprocess.run(
        [python, "-c", code], cwd=installed.work, env=installed.variables,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert all(str(installed.folder) in line for line in done.stdout.splitlines())
    assert installed.run("--version") == f"tmk {VERSION}\n"


def test_what_a_command_lacks_is_named_so_that_an_index_has_it(installed: Installed) -> None:
    code = (
        "from repository.pip_commands import install_command, requirements_command\n"
        "print(install_command('signing')); print(requirements_command('signing'))"
    )
    done = subprocess.run(
        [installed.commands / "python", "-c", code], cwd=installed.work,
        env=installed.variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    extra, pinned = map(shlex.split, done.stdout.splitlines())
    assert extra[:2] == ["pip", "install"]
    assert {re.split("[<>]", each)[0] for each in extra[2:]} == {"model-signing", "pyopenssl"}
    assert pinned[:3] == ["pip", "install", "-r"] and Path(pinned[3]).is_file()


def test_its_server_s_place_is_the_user_s(installed: Installed, tmp_path: Path) -> None:
    code = (
        "from runtime.machine.environment import DEFAULT_ENVIRONMENT as place\n"
        "from runtime.machine.turns import one_at_a_time\n"
        "with one_at_a_time(place): print(place.parent.is_dir(), place)"
    )
    data = tmp_path / "data"
    done = subprocess.run(
        [installed.commands / "python", "-c", code], cwd=tmp_path,
        env=installed.variables | {"XDG_DATA_HOME": str(data)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    made, place = done.stdout.split()
    assert made == "True" and Path(place).is_relative_to(data)


def test_the_objects_for_a_cluster_are_rendered(installed: Installed) -> None:
    values = ROOT / "kserve" / "values" / "local-cpu.yaml"
    assert "kind: InferenceService" in installed.run("manifests", "--values", str(values))


@pytest.fixture(scope="module")
def repository(installed: Installed) -> Path:
    built = json.loads(installed.run("build", "--quiet", "--json"))
    assert {"ocr", "asr"} <= {each["model"] for each in built["models"]}
    return Path(built["out"])


@pytest.fixture
def addresses(installed: Installed, repository: Path) -> Iterator[dict[str, str]]:
    process = installed.start("serve", str(repository), *FREE_PORTS)
    assert process.stdout is not None
    found = {}
    for line in process.stdout:
        name, _, address = line.strip().partition(" ")
        found[name] = address.split()[0] if address else ""
        if line.startswith("  model"):
            break
    yield found
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate()
    assert process.returncode == 0, told


def test_what_is_built_away_from_the_checkout_is_served_and_answers(
    installed: Installed, repository: Path, addresses: dict[str, str]
) -> None:
    assert repository.is_relative_to(installed.work)
    examples = next(installed.folder.rglob("clients/examples/page.png")).parent
    lines = json.loads(
        installed.run("ocr", str(examples / "page.png"), "--url", addresses["gRPC"], "--json")
    )
    assert [each["text"] for each in lines] == (examples / "page.txt").read_text().splitlines()
    asked = json.loads(installed.run("smoke", addresses["HTTP"], "--json"))
    assert asked["ok"] and len(asked["pipelines"]) >= 4


def test_it_is_known_again(installed: Installed, repository: Path) -> None:
    planned = json.loads(installed.run("plan", "--out", str(repository), "--json"))
    assert {each["action"] for each in planned["tasks"]} <= {"cached", "keep", "leave"}
    assert "vision" in {each["pipeline"] for each in planned["fusing"]}
    assert "findings" in json.loads(installed.run("verify", str(repository), "--json"))
