"""Small ONNX files as people have them, and repositories built from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import tritonclient.grpc as grpc
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from onnx import numpy_helper as nh
from tritonclient.utils import np_to_triton_dtype

from builders.kit.build.build import Result, build
from builders.kit.build.dry_run import Foreseen, dry_run
from builders.kit.recipe.profile import Profile, ProfileError, load_profile
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.progress import Lines, Outcome
from repository.findings import Finding
from runtime.server.server import LocalServer

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Array = npt.NDArray[Any]
Axes = Sequence[int | str | None] | None


def value(name: str, type: int, axes: Axes) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, type, axes)


def weights(seed: int, *shape: int) -> Array:
    return np.asarray(np.random.default_rng(seed).standard_normal(shape), np.float32)


def graph(
    nodes: Iterable[NodeProto],
    inputs: Iterable[ValueInfoProto],
    outputs: Iterable[ValueInfoProto],
    constants: Mapping[str, Array] | None = None,
) -> GraphProto:
    initialisers = [nh.from_array(each, name) for name, each in (constants or {}).items()]
    return helper.make_graph(list(nodes), "g", list(inputs), list(outputs), initialisers)


def model(
    graph: GraphProto, *, opset: int = 17, ir: int = 8, domains: Mapping[str, int] | None = None
) -> ModelProto:
    imported = [helper.make_opsetid("", opset)] if opset else []
    imported += [helper.make_opsetid(name, version) for name, version in (domains or {}).items()]
    made: ModelProto = helper.make_model(graph, opset_imports=imported, ir_version=ir)
    return made


def scorer(
    batch: int | str | None = "N", answer: int | str | None = "N", **options: Any
) -> ModelProto:
    """Eight numbers a row -> three that add up to one."""
    return model(
        graph(
            [
                helper.make_node("Gemm", ["x", "W", "B"], ["z"]),
                helper.make_node("Softmax", ["z"], ["y"], axis=-1),
            ],
            [value("x", FLOAT, [batch, 8])],
            [value("y", FLOAT, [answer, 3])],
            {"W": weights(0, 8, 3), "B": weights(1, 3)},
        ),
        **options,
    )


def expected_of_scorer(x: Array) -> Array:
    z = x @ weights(0, 8, 3) + weights(1, 3)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)


def embedder() -> ModelProto:
    """Words of an alphabet of eleven, and which of them count -> their vectors."""
    return model(
        graph(
            [
                helper.make_node("Gather", ["E", "ids"], ["e"]),
                helper.make_node("Cast", ["mask"], ["m"], to=FLOAT),
                helper.make_node("Unsqueeze", ["m", "last"], ["column"]),
                helper.make_node("Mul", ["e", "column"], ["y"]),
            ],
            [
                value("ids", INT64, ["batch", "words"]),
                value("mask", INT64, ["batch", "words"]),
            ],
            [value("y", FLOAT, ["batch", "words", 4])],
            {"E": weights(2, 11, 4), "last": np.array([-1])},
        )
    )


def ask(server: LocalServer, name: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """What a model on a server answers."""
    sent = []
    for each, array in inputs.items():
        tensor = grpc.InferInput(each, array.shape, np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        sent.append(tensor)
    with grpc.InferenceServerClient(server.grpc) as client:
        answer = client.infer(name, sent, client_timeout=60)
    outputs = answer.get_response().outputs
    return {each.name: np.asarray(answer.as_numpy(each.name)) for each in outputs}


class Told(Lines):
    """Lines, and the names of the tasks that ran."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[str] = []

    def finished(self, outcome: Outcome) -> None:
        if outcome.action == "built" and not outcome.name.startswith("model "):
            self.ran.append(outcome.name)


class Bench:
    """A user's folder: ONNX files, and a profile that names them.

    Args:
        folder: the working directory, where relative paths start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "repository"
        self.cache = Cache(folder / "cache")
        self.ran: list[str] = []

    def save(self, name: str, made: ModelProto | bytes) -> None:
        """Writes a file, without looking whether it is valid."""
        content = made if isinstance(made, bytes) else made.SerializeToString()
        (self.folder / name).write_bytes(content)

    def profile(self, models: Mapping[str, Mapping[str, Any]], **more: Any) -> Profile:
        """The profile's file, and what is read of it; JSON is YAML."""
        content = {"triton": "24.10", "families": {"onnx": {"models": models}}, **more}
        path = self.folder / "mine.yaml"
        path.write_text(json.dumps(content, indent=1))
        return load_profile(path)

    def plan(self, models: Mapping[str, Mapping[str, Any]], **more: Any) -> tuple[Foreseen, ...]:
        return dry_run(self.profile(models, **more), self.out, cache=self.cache).tasks

    def build(self, models: Mapping[str, Mapping[str, Any]], **more: Any) -> Result:
        told = Told()
        try:
            return build(self.profile(models, **more), self.out, told, cache=self.cache)
        finally:
            self.ran = sorted(told.ran)

    def refusals(self, models: Mapping[str, Mapping[str, Any]], **more: Any) -> list[Finding]:
        """What a plan refuses; nothing is made."""
        try:
            self.plan(models, **more)
        except ProfileError as error:
            assert not self.out.exists()
            return error.findings
        raise AssertionError("nothing was refused")


def external(made: ModelProto, folder: Path, name: str, location: str = "") -> None:
    """Writes a model with its weights in a file beside it."""
    onnx.save(
        made,
        folder / name,
        save_as_external_data=True,
        location=location or f"{name}.data",
        size_threshold=0,
    )
