"""What a script reads: JSON with keys that stay, and tables that no terminal decides."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.builders.onnx.files import scorer
from tests.structure.rooms import ROOT
from tests.terminals import written

TMK = [sys.executable, "-m", "tmk"]
BUILT = ROOT / "model_repository"
FINDING = ["severity", "rule", "where", "tensor", "expected", "found", "remedy"]


def read(*arguments: object, code: int = 0) -> dict[str, Any]:
    command = [*TMK, *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_findings_are_read_by_their_fields(tmp_path: Path) -> None:
    (tmp_path / "net" / "1").mkdir(parents=True)
    (tmp_path / "net" / "1" / "model.pt").touch()
    (tmp_path / "net" / "config.pbtxt").write_text('backend: "pytorch"')
    checked = read("check", tmp_path, code=1)
    keys = ["repository", "triton", "target", "errors", "warnings", "findings"]
    assert list(checked) == keys
    assert (checked["triton"], checked["target"]) == ("24.10", "default")
    assert len(checked["findings"]) == checked["errors"] + checked["warnings"] > 0
    assert {tuple(each) for each in checked["findings"]} == {tuple(FINDING)}
    verified = read("verify", tmp_path, code=1)
    assert list(verified) == ["repository", "files", "signed", "findings"]
    assert (verified["files"], verified["signed"]) == (0, False)
    assert list(verified["findings"][0]) == FINDING
    assert "python -m" not in json.dumps(verified)


@pytest.mark.thorough
def test_a_built_repository_has_no_findings() -> None:
    verified = read("verify", BUILT)
    assert verified["files"] > 20 and verified["findings"] == []
    assert read("check", BUILT)["errors"] == 0


@pytest.mark.thorough
def test_a_plan_and_a_dag_are_read_by_their_keys() -> None:
    planned = read("plan", "--out", BUILT)
    assert list(planned) == ["out", "tasks", "fusing"]
    assert {tuple(each) for each in planned["tasks"]} == {("task", "action", "why", "seconds")}
    keys = ("pipeline", "neighbours", "model", "why")
    assert {tuple(each) for each in planned["fusing"]} == {keys}
    assert {each["pipeline"] for each in planned["fusing"]} >= {"ocr", "vision"}
    assert all(bool(each["model"]) != bool(each["why"]) for each in planned["fusing"])
    drawn = read("graph", "ocr")
    assert list(drawn) == ["pipeline", "inputs", "outputs", "steps"]
    models = [each["model"] for each in drawn["steps"]]
    assert models.index("detect") < models.index("recognise")
    written = {tensor for each in drawn["steps"] for tensor in each["outputs"].values()}
    assert {each["name"] for each in drawn["outputs"]} <= written


def test_a_build_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    onnx.save(scorer(), tmp_path / "scorer.onnx")
    (tmp_path / "score.py").write_text("def answers(run):\n    return 1.0\n")
    (tmp_path / "profile.yaml").write_text(
        f"""\
triton: "24.10"
families:
  onnx:
    models:
      scorer:
        source: "path:{tmp_path}/scorer.onnx"
        metric: "path:{tmp_path}/score.py:answers"
        bound: 0.5
"""
    )
    profile, out = tmp_path / "profile.yaml", tmp_path / "out"
    built = read("build", "--quiet", "--profile", profile, "--out", out)
    assert list(built) == [
        *("out", "changed", "seconds", "digest", "models", "metrics", "warnings"),
    ]
    assert built["changed"] and built["out"] == str(out)
    assert [each["model"] for each in built["models"]] == ["scorer"]
    assert [each["value"] for each in built["metrics"]] == [1.0]


def doctor(columns: str, terminal: bool = False) -> str:
    environment = {**os.environ, "COLUMNS": columns, "TERM": "dumb"}
    if not terminal:
        done = subprocess.run(
            [*TMK, "doctor"], cwd=ROOT, capture_output=True, text=True, env=environment
        )
        return done.stdout
    ours, theirs = pty.openpty()
    subprocess.run([*TMK, "doctor"], cwd=ROOT, stdout=theirs, env=environment)
    os.close(theirs)
    return written(ours)


def test_a_pipe_takes_no_width_from_the_environment() -> None:
    names = [line.split("  ")[1] for line in doctor("40").splitlines()]
    assert names == [line.split("  ")[1] for line in doctor("200").splitlines()]
    assert len(names) == 11


def test_a_terminal_s_width_is_kept() -> None:
    lines = doctor("40", terminal=True).splitlines()
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("command", [["doctor"], ["smoke", "http://127.0.0.1:9"]])
def test_a_closed_pipe_ends_a_command_without_a_traceback(command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*TMK, *command], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(writing)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
