"""From a JSON file of two numbers to ONNX files and a table."""

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def scale(checkpoint: Path, out: Path) -> dict[str, object]:
    # As libraries do, whose folders are left where they are when their process is killed.
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        (Path(folder) / "model.onnx").write_text("half")
        time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
        held = os.environ.get("TOY_HELD_BY")
        while held and Path(held).exists():
            time.sleep(0.02)
    return _graph("Mul", "x", "scaled", json.loads(checkpoint.read_text())["factor"], out)


def move(checkpoint: Path, out: Path) -> dict[str, object]:
    if os.environ.get("TOY_FAILS"):
        raise RuntimeError("the toy was told to fail")
    return _graph("Add", "scaled", "moved", 0.0, out)


def table(checkpoint: Path, out: Path) -> dict[str, object]:
    out.write_text(json.dumps({"shift": json.loads(checkpoint.read_text())["shift"]}))
    return {}


def _graph(operator: str, source: str, target: str, value: float, out: Path) -> dict[str, object]:
    padding = np.zeros(int(os.environ.get("TOY_PADDING", "0")), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["padding"], ["nothing"], keepdims=0),
            helper.make_node("Add", ["value", "nothing"], ["constant"]),
            helper.make_node(operator, [source, "constant"], [target]),
        ],
        "toy",
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, ["length"])],
        [helper.make_tensor_value_info(target, TensorProto.FLOAT, ["length"])],
        [
            numpy_helper.from_array(np.array(value, np.float32), "value"),
            numpy_helper.from_array(padding, "padding"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(out))
    return {"operator": operator}
