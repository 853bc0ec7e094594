"""A family outside this checkout: built, served, smoked, asked, measured and sized.

Nothing outside its folder but a profile knows of it; its ``usage.py`` says all that the commands
need.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perf.result import load
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer

ROOT = Path(__file__).parents[4]
TOY = Path(__file__).parent / "toys" / "toykit" / "toy"
PROFILE = """
triton: "24.10"
bls: true
families:
  toy: {code: "path:./elsewhere", sources: {weights: "path:WEIGHTS"}}
"""


@dataclass(frozen=True)
class Outside:
    """A folder with a family, a profile, what was built of it, and its server."""

    folder: Path
    server: LocalServer

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return run(self.folder, *arguments, TRITON_GRPC=self.server.grpc)


def run(folder: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}
        | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def outside(
    tmp_path_factory: pytest.TempPathFactory, server_environment: ServerEnvironment
) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(TOY, folder / "elsewhere")
    (folder / "weights.json").write_text(json.dumps({"factor": 2.0, "shift": 1.0}))
    profile = folder / "mine.yaml"
    profile.write_text(PROFILE.replace("WEIGHTS", str(folder / "weights.json")))
    built = run(folder, "builders", "build", "--profile", profile, "--out", folder / "models")
    assert built.returncode == 0, built.stderr
    with LocalServer(folder / "models", environment=server_environment) as server:
        yield Outside(folder, server)
        server.stop(now=True)


CODE = ("--family", "path:./elsewhere")


def test_its_known_question_is_asked(outside: Outside) -> None:
    done = outside.run("clients.smoke", f"http://{outside.server.http}", *CODE, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    results = {each["pipeline"]: each["result"] for each in json.loads(done.stdout)["pipelines"]}
    served = {name: result for name, result in results.items() if result != "not served"}
    assert served == {"toy": "ok", "toy_bls": "ok"}
    done = outside.run("clients.smoke", f"http://{outside.server.http}", "--pipeline", "toy")
    assert done.returncode == 2, "nobody said where it lies"


@pytest.mark.thorough
def test_a_users_file_is_asked_and_the_answer_shown_as_it_says(outside: Outside) -> None:
    (outside.folder / "mine.json").write_text('{"x": [0.25, -1]}')
    done = outside.run("clients", "ask", "toy", "mine.json", *CODE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.5 -1\n", "")
    known = outside.run("clients", "ask", "toy_bls", *CODE)
    assert known.stdout == "3 5 7\n"
    whole = outside.run("clients", "ask", "toy", "mine.json", "--json", *CODE)
    assert json.loads(whole.stdout)["outputs"][0]["data"] == [1.5, -1]
    for arguments, told in (
        (("toy", "nowhere.json"), "cannot read nowhere.json"),
        (("toy", "mine.json", "-o", "x=1"), "--option: expected none"),
        (("tyo", "mine.json"), "Did you mean 'toy'?"),
    ):
        refused = outside.run("clients", "ask", *arguments, *CODE)
        assert refused.returncode in (1, 2)
        assert told in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.thorough
def test_it_is_measured_with_its_own_requests(outside: Outside) -> None:
    measure = ("--modes", "ensemble", "--concurrency", "1", "--rounds", "1", "--count", "2")
    done = outside.run("perf", "compare", "toy", *CODE, *measure, "--repository", "models",
                       "--url", outside.server.grpc, "--http-url", outside.server.http,
                       "--out", "figures")  # fmt: skip
    assert "Traceback" not in done.stderr
    result = load(outside.folder / "figures" / "result.json")
    ensemble = next(each for each in result.legs if each.leg.mode == "ensemble")
    assert ensemble.failure is None
    assert [made.errors for made in ensemble.rounds] == [0]
    requests: Any = result.scenario["requests"]
    assert requests == [{"x": {"value": [0.5, 1, 2]}}, {"x": {"made": True}}]


@pytest.mark.thorough
def test_a_server_is_sized_for_its_largest_request(outside: Outside) -> None:
    done = outside.run("builders", "resources", "models", "--out", "-", *CODE)
    assert done.returncode == 0, done.stderr
    assert "# Largest requests: toy: a thousand numbers; 4 at once." in done.stdout
    lost = outside.run("builders", "resources", "models", "--out", "-")
    assert (lost.returncode, lost.stdout) == (1, "")
    assert "no family declares one" in lost.stderr
