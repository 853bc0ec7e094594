"""What the check takes Triton to infer of a config without a backend or a platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from repository.check.check import check_repository
from repository.check.files.inferred import infer
from repository.config.proto import pb
from repository.release import release

RELEASE = release("24.10")

TENSORS = """
input { name: "x" data_type: TYPE_FP32 dims: 3 %s }
output { name: "y" data_type: TYPE_FP32 dims: 3 }
"""


@pytest.mark.parametrize(
    ("text", "content", "expected"),
    [
        ("tensorrt", "", ("tensorrt", "tensorrt_plan", "model.plan")),
        ("", "model.plan", ("tensorrt", "tensorrt_plan", "model.plan")),
        ("", "model.plan/", ("", "", "")),
        ("", "model.savedmodel/", ("tensorflow", "tensorflow_savedmodel", "model.savedmodel")),
        ("", "model.savedmodel", ("", "", "")),
        ("tensorflow", "model.graphdef", ("tensorflow", "tensorflow_graphdef", "model.graphdef")),
        ("tensorflow", "", ("tensorflow", "", "")),
        ("", "model.onnx", ("onnxruntime", "onnxruntime_onnx", "model.onnx")),
        ("", "model.onnx/", ("onnxruntime", "onnxruntime_onnx", "model.onnx")),
        ("", "model.xml", ("openvino", "", "model.xml")),
        ("", "model.pt", ("pytorch", "pytorch_libtorch", "model.pt")),
        ("", "model.py", ("python", "", "model.py")),
        ("python", "model.onnx", ("python", "", "model.py")),
        ("mine", "model.onnx", ("mine", "", "")),
        ("", "other.onnx", ("", "", "")),
    ],
)
def test_backend_is_inferred_as_triton_does(
    tmp_path: Path, text: str, content: str, expected: tuple[str, str, str]
) -> None:
    (tmp_path / "1").mkdir()
    if content.endswith("/"):
        (tmp_path / "1" / content).mkdir()
    elif content:
        (tmp_path / "1" / content).write_bytes(b"")
    config = pb.ModelConfig(name="net", backend=text)
    infer(config, tmp_path)
    assert (config.backend, config.platform, config.default_model_filename) == expected


def test_a_models_name_may_tell_a_backend_of_ones_own(tmp_path: Path) -> None:
    config = pb.ModelConfig(name="model.identity")
    infer(config, tmp_path)
    assert (config.backend, config.default_model_filename) == ("identity", "model.identity")


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ('backend: "tensorrt" instance_group { profile: ["0"] }' + TENSORS % "", "model.plan"),
        ('backend: "tensorrt"' + TENSORS % "is_shape_tensor: true", "model.plan"),
        (TENSORS % "is_shape_tensor: true", "model.plan"),
        ('backend: "tensorflow"' + TENSORS % "", "model.savedmodel/saved_model.pb"),
        (TENSORS % "", "model.savedmodel/saved_model.pb"),
        (TENSORS % "", "model.graphdef"),
    ],
)
def test_a_platform_that_triton_infers_need_not_be_written(
    tmp_path: Path, text: str, file: str
) -> None:
    path = tmp_path / "net" / "1" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    (tmp_path / "net" / "config.pbtxt").write_text(text)
    assert check_repository(tmp_path, RELEASE) == []


def test_a_platform_of_another_backend_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "net" / "1").mkdir(parents=True)
    (tmp_path / "net" / "1" / "model.plan").write_bytes(b"")
    for head, found in (
        ('backend: "tensorrt" platform: "onnxruntime_onnx"', "'onnxruntime_onnx'"),
        ('backend: "tensorflow"', "none"),
    ):
        (tmp_path / "net" / "config.pbtxt").write_text(head + TENSORS % "")
        rules = {each.rule: each.found for each in check_repository(tmp_path, RELEASE)}
        assert rules["backend"] == found
