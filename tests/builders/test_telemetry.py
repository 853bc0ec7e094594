"""Sessions of ONNX Runtime are reported to nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

SESSION = "import {imported}, onnxruntime; onnxruntime.InferenceSession({model!r})"
CI = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "JENKINS_URL", "ORT_DISABLE_TELEMETRY")
"""With these ONNX Runtime itself reports nothing."""


@pytest.mark.parametrize("imported", ["builders", "perf"])
def test_a_session_leaves_nothing_in_the_home_folder(imported: str, tmp_path: Path) -> None:
    io = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "neg", io[:1], io[1:])
    model = tmp_path / "model.onnx"
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model
    )
    home = tmp_path / "home"
    home.mkdir()
    variables = {name: value for name, value in os.environ.items() if name not in CI}
    subprocess.run(
        [sys.executable, "-c", SESSION.format(imported=imported, model=str(model))],
        env=variables | {"HOME": str(home)},
        check=True,
    )
    assert list(home.rglob("*")) == []
