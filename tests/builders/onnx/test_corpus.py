"""Every kind of ONNX file: what a real Triton answers of it, or the sentence that refuses it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from builders.kit.build.errors import BuildError
from clients.infer.client import ModelClient
from clients.infer.random_inputs import random_array
from repository.arrays import Array, DType
from repository.usage.tensors import ServedTensor
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.onnx.corpus import (
    BAKED,
    BATCH,
    LARGE_ROWS,
    REFUSED,
    SERVED,
    Kind,
    large_table,
)
from tests.builders.onnx.files import Bench

FEW = ("sklearn_columns", "torch_dynamo_encoder", "names_of_tensorflow", "control_if")
"""What `make test` serves; the others are thorough."""

ROWS = 3


def asked_of(kind: Kind, folder: Path) -> Mapping[str, Any]:
    """Writes a kind's file, and gives the options that the profile has of it."""
    path = folder / kind.name / "model.onnx"
    path.parent.mkdir()
    kind.make(path)
    return {"source": f"path:{path}", **kind.options}


@dataclass
class Served:
    """A repository of many kinds, on a server."""

    server: LocalServer
    sources: Path

    def compare(self, kind: Kind) -> None:
        """Holds what Triton answers to what onnxruntime answers of the source."""
        if not self.server.control.is_ready(kind.name):
            self.server.control.load(kind.name)
        session = onnxruntime.InferenceSession(self.sources / kind.name / "model.onnx")
        with ModelClient(self.server.grpc) as client:
            served = client.served(kind.name)
            inputs = {each.name: values(each, kind) for each in served.inputs if not each.optional}
            answer = client.infer(served, inputs)
        given = {each.name: as_file(inputs[each.name], each.shape) for each in session.get_inputs()}
        expected = session.run(None, given)
        names = [each.name for each in session.get_outputs()]
        assert list(answer.outputs) == names
        for name, right in zip(names, expected, strict=True):
            found: Any = answer.outputs[name]
            if found.dtype == np.object_:
                assert [each.decode() for each in found.ravel()] == right.ravel().tolist(), name
            else:
                assert found.dtype == right.dtype and found.size == right.size, name
                np.testing.assert_allclose(found.ravel(), right.ravel(), 2e-3, 1e-5, err_msg=name)


def as_file(array: Array, shape: Sequence[object]) -> Array:
    """An input as the file takes it: Triton has no tensor without axes, and texts are bytes."""
    if array.dtype == np.object_:
        texts = np.empty(array.size, np.object_)
        texts[:] = [each.decode() for each in array.ravel().tolist()]
        array = texts.reshape(array.shape)
    return array.reshape(array.shape[: len(shape)])


def values(tensor: ServedTensor, kind: Kind) -> Array:
    shape = kind.shapes.get(tensor.name, [ROWS if size < 0 else size for size in tensor.shape])
    random = np.random.default_rng(len(tensor.name))
    if tensor.dtype is DType.BYTES:
        words = np.array([b"Ulm", "Köln".encode(), b"Bonn"], object)
        return random.choice(words, shape)
    return random_array(tensor, tuple(shape), random)


def served_kinds(
    kinds: tuple[Kind, ...], bench: Bench, environment: ServerEnvironment, **profile: Any
) -> Iterator[Served]:
    sources = bench.folder / "sources"
    sources.mkdir()
    bench.build({kind.name: asked_of(kind, sources) for kind in kinds}, **profile)
    with LocalServer(bench.out, load=(), environment=environment) as server:
        yield Served(server, sources)


@pytest.fixture(scope="module")
def corpus(
    tmp_path_factory: pytest.TempPathFactory, server_environment: ServerEnvironment
) -> Iterator[Served]:
    yield from served_kinds(SERVED, Bench(tmp_path_factory.mktemp("all")), server_environment)


def test_a_few_kinds_are_served_as_onnxruntime_answers_them(
    bench: Bench, server_environment: ServerEnvironment
) -> None:
    kinds = tuple(kind for kind in SERVED if kind.name in FEW)
    assert len(kinds) == len(FEW)
    for served in served_kinds(kinds, bench, server_environment):
        for kind in kinds:
            served.compare(kind)
        # The server finds the batch in each output, too.
        assert not [line for line in served.server.log_lines if "[cut-output]" in line]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", SERVED, ids=lambda kind: kind.name)
def test_every_kind_is_served_as_onnxruntime_answers_it(kind: Kind, corpus: Served) -> None:
    corpus.compare(kind)
    corpus.server.control.unload(kind.name)


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.name)
def test_every_other_kind_is_refused_before_anything_is_made(kind: Kind, bench: Bench) -> None:
    told = "\n".join(map(str, bench.refusals({kind.name: asked_of(kind, bench.folder)})))
    for part in kind.refused:
        assert part in told
    assert "Traceback" not in told and "mine.yaml, line" in told


def test_all_refusals_are_told_at_once(bench: Bench) -> None:
    models = {kind.name: asked_of(kind, bench.folder) for kind in REFUSED}
    told = "\n".join(map(str, bench.refusals(models)))
    assert all(part in told for kind in REFUSED for part in kind.refused)


def test_axes_that_are_not_dynamic_are_found_at_the_build(bench: Bench) -> None:
    with pytest.raises(BuildError) as refused:
        bench.build({BAKED.name: asked_of(BAKED, bench.folder)})
    assert all(part in str(refused.value) for part in BAKED.refused)


@pytest.mark.thorough
@pytest.mark.parametrize("opset", [22, 23])
def test_a_newer_release_takes_newer_opsets(
    opset: int, bench: Bench, server_environment: ServerEnvironment
) -> None:
    kind = next(kind for kind in REFUSED if kind.name == f"opset_{opset}")
    for served in served_kinds((kind,), bench, server_environment, triton="25.10"):
        served.compare(kind)


@pytest.mark.slow
def test_weights_of_more_than_two_gigabytes_come_along(
    bench: Bench, server_environment: ServerEnvironment
) -> None:
    """A table of which all but the last row is a hole in its file."""
    kind = Kind("large", large_table, options=BATCH)
    for served in served_kinds((kind,), bench, server_environment):
        served.server.control.load(kind.name, timeout_seconds=600)
        with ModelClient(served.server.grpc) as client:
            model = client.served(kind.name)
            answer = client.infer(model, {"ids": np.array([[0], [LARGE_ROWS - 1]])})
        assert answer.outputs["y"].tolist() == [[[0.0] * 3], [[1.0, 2.0, 3.0]]]
    shutil.rmtree(bench.folder)  # pytest would keep the gigabytes of the last three runs
