"""What has to be loaded with a model."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from builders.kit.emit.config import model_config
from builders.kit.graph import Ensemble, Model, PythonModel, Tensor, closure
from repository.arrays import DType
from repository.config.text import to_text
from runtime.options.calls import with_called

X = Tensor("x", DType.FP32, {"n": -1})


def stage(name: str, *calls: Model) -> PythonModel:
    return PythonModel(name=name, inputs=(X,), outputs=(X,), stage="stage", calls=calls)


DEEP = stage("deep")
CALLER = stage("caller", stage("mid", DEEP), stage("other"))
PIPELINE = Ensemble(
    name="pipeline", inputs=(X,), outputs=(X,), steps=stage("first").step({}, {"x": "y"}) >> CALLER
)


def test_what_is_called_comes_before_its_caller(tmp_path: Path) -> None:
    for model in closure((PIPELINE,)):
        (tmp_path / model.name).mkdir()
        text = to_text(model_config(model))
        (tmp_path / model.name / "config.pbtxt").write_text(text)
    assert with_called(tmp_path, ["caller"]) == ("deep", "mid", "other", "caller")
    # Triton loads an ensemble's own steps by itself.
    assert with_called(tmp_path, ["pipeline"]) == ("deep", "mid", "other", "pipeline")
    assert with_called(tmp_path, ["mid", "caller"]) == ("deep", "mid", "other", "caller")
    assert with_called(tmp_path, ["*"]) == ("*",)
    assert with_called(tmp_path, ["absent"]) == ("absent",)


def test_configs_that_others_wrote(tmp_path: Path) -> None:
    texts = {
        "a": 'parameters { key: "calls" value: { string_value: "b,a" } }',
        "b": '# model_name: "c"\nparameters {\n key: "call"\n value { string_value: "c" }\n}',
        "d": "\x00\xff",
    }
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.pbtxt").write_bytes(text.encode("latin-1"))
    assert with_called(tmp_path, ["a", "d"]) == ("b", "a", "d")


def config(repository: Path, name: str, calls: str) -> None:
    (repository / name).mkdir(parents=True, exist_ok=True)
    text = f'parameters {{ key: "calls" value {{ string_value: "{calls}" }} }}'
    (repository / name / "config.pbtxt").write_text(text)


def test_no_chain_of_calls_is_too_long(tmp_path: Path) -> None:
    for number in range(2000):
        config(tmp_path, f"m{number}", f"m{number + 1}")
    assert with_called(tmp_path, ["m0"])[:2] == ("m2000", "m1999")


def test_no_config_outside_the_repository_is_read(tmp_path: Path) -> None:
    config(tmp_path, "outside", "secret")
    config(tmp_path / "models", "a", f"../outside,{tmp_path}/outside,..,.,b\0c")
    found = with_called(tmp_path / "models", ["a"])
    assert found[-1] == "a" and "secret" not in found


def test_a_config_that_is_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "config.pbtxt")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "config.pbtxt").symlink_to("/dev/zero")
    assert with_called(tmp_path, ["a", "b"]) == ("a", "b")


@pytest.mark.parametrize("start", ["", 'key: "calls" ', "model_name", 'key: "calls" value {'])
@pytest.mark.parametrize("rest", ["\n", " \n", " ", "#", 'key: "calls" ', "model_name:"])
def test_however_long_a_config_is_it_is_read_soon(tmp_path: Path, start: str, rest: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "config.pbtxt").write_text(start + rest * 200_000)
    began = time.process_time()
    assert with_called(tmp_path, ["a"]) == ("a",)
    assert time.process_time() - began < 5
