"""Writes small model repositories, whole or broken."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

Make = Callable[[Path], object]

Case = tuple[str, Make, set[str]]
"""What is wrong, in words; how to make it; the rules of the check's errors."""

MODEL = "class TritonPythonModel:\n    def execute(self, requests):\n        return []\n"

CONFIG = """
backend: "python"
max_batch_size: 4
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }
instance_group { count: 1 kind: KIND_CPU }
"""

ENSEMBLE = """
platform: "ensemble"
max_batch_size: 4
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }
"""


def model(folder: Path, name: str = "m", text: str = CONFIG, code: str | bytes = MODEL) -> Path:
    """A Python model; its version's folder."""
    version = folder / name / "1"
    version.mkdir(parents=True)
    (folder / name / "config.pbtxt").write_bytes(text.encode("utf-8", "surrogateescape"))
    (version / "model.py").write_bytes(code if isinstance(code, bytes) else code.encode())
    return version


def more(text: str) -> Make:
    return lambda folder: model(folder, text=CONFIG + text)


def config(text: str) -> Make:
    return lambda folder: model(folder, text=text)


def changed(old: str, new: str) -> Make:
    return lambda folder: model(folder, text=CONFIG.replace(old, new))


def named(name: str, text: str = CONFIG) -> Make:
    return lambda folder: model(folder, name, text)


def code(text: str | bytes) -> Make:
    return lambda folder: model(folder, code=text)


def step(name: str, taken: str, given: str, *, key: str = "x", out: str = "y") -> str:
    return (
        f'step {{ model_name: "{name}" model_version: -1 '
        f'input_map {{ key: "{key}" value: "{taken}" }} '
        f'output_map {{ key: "{out}" value: "{given}" }} }} '
    )


def ensemble(folder: Path, name: str, steps: str, text: str = ENSEMBLE) -> None:
    (folder / name / "1").mkdir(parents=True)
    (folder / name / "config.pbtxt").write_text(text + f"ensemble_scheduling {{ {steps} }}")


def with_model(change: Callable[[Path], object]) -> Make:
    """A sound model ``m``, whose folder is then changed."""

    def make(folder: Path) -> None:
        model(folder)
        change(folder / "m")

    return make


def replaced(name: str, put: Callable[[Path], object]) -> Make:
    """A sound model with something else in the place of one of its files."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        put(folder / name)

    return with_model(change)


def listening(path: Path) -> None:
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)  # a socket's path has 108 bytes at most
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def sparse(size: int) -> Callable[[Path], object]:
    def put(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return put


def circle(folder: Path) -> None:
    """Two ensembles that are each other's step."""
    ensemble(folder, "a", step("b", "x", "y"))
    ensemble(folder, "b", step("a", "x", "y"))


def chain(folder: Path, length: int) -> None:
    model(folder)
    ends = ["x", *(f"t{index}" for index in range(1, length)), "y"]
    steps = "".join(step("m", *pair) for pair in itertools.pairwise(ends))
    ensemble(folder, "e", steps)


def onnx_model(
    folder: Path,
    *,
    text: str = CONFIG.replace("python", "onnxruntime"),
    content: bytes | None = None,
    name: str = "m",
) -> Path:
    version = folder / name / "1"
    version.mkdir(parents=True)
    (folder / name / "config.pbtxt").write_text(text)
    (version / "model.onnx").write_bytes(graph() if content is None else content)
    return version


def graph(
    node: str = "Identity",
    taken: tuple[int | str | None, ...] = ("batch", 4),
    given: tuple[int | str | None, ...] | None = ("batch", 4),
) -> bytes:
    inputs = ["x", "x"] if node == "Concat" else ["x"]
    made_node = helper.make_node(node, inputs, ["y"])
    marks = {"Concat": "axis", "ReduceSum": "keepdims"}
    if node in marks:
        made_node.attribute.append(helper.make_attribute(marks[node], 0))
    made = helper.make_graph(
        [made_node],
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, taken)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, given)],
        [numpy_helper.from_array(np.ones(300, np.float32), "unused")],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()


def onnx(text: str = "", *, content: bytes | None = None, batch: int = 4) -> Make:
    base = CONFIG.replace("python", "onnxruntime").replace("size: 4", f"size: {batch}")
    return lambda folder: onnx_model(folder, text=base + text, content=content)


def parameter(key: str, value: str) -> str:
    return f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}'


def warmup(rest: str, *, head: str = "batch_size: 1") -> str:
    inputs = f'inputs {{ key: "x" value {{ data_type: TYPE_FP32 {rest} }} }}'
    return f'model_warmup {{ name: "w" {head} {inputs} }}'


def linked_out(folder: Path) -> None:
    """A version that is a link out of the repository: it loads, as many shared volumes have it."""
    elsewhere = folder.with_name(f"{folder.name}-elsewhere")
    model(elsewhere)
    (folder / "m").mkdir()
    (folder / "m" / "config.pbtxt").write_text(CONFIG)
    (folder / "m" / "1").symlink_to(elsewhere / "m" / "1")
