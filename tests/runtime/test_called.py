"""What has to be loaded with a model."""

from __future__ import annotations

from pathlib import Path

from builders.kit.config import model_config, to_text
from builders.kit.graph import DType, Ensemble, Model, PythonModel, Tensor, closure
from builders.kit.release import release
from runtime.called import with_called

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
        text = to_text(model_config(model, release("24.10")))
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
