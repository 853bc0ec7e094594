"""An ONNX file, built from a profile alone, checked, and served by a real Triton."""

from __future__ import annotations

from typing import Any

import numpy as np

from repository.check.check import check_repository
from repository.config.text import read_config
from repository.findings import errors
from repository.manifest import read_manifest, verify
from repository.release import release
from runtime.inprocess import InProcess
from tests.builders.onnx.files import Bench, ask, embedder, expected_of_scorer, scorer, weights
from tests.conftest import Serve

MODELS: dict[str, dict[str, Any]] = {
    "scorer": {
        "source": "path:scorer.onnx",
        "max_batch_size": 32,
        "dynamic_batching": {"max_queue_delay_microseconds": 500},
    },
    "embedder": {"source": "path:embedder.onnx"},
}


def test_a_profile_alone_serves_an_onnx_file(bench: Bench, serve: Serve) -> None:
    bench.save("scorer.onnx", scorer())
    bench.save("embedder.onnx", embedder())
    planned = {each.name: each.action for each in bench.plan(MODELS)}
    assert planned["export onnx/scorer"] == "build"
    result = bench.build(MODELS)
    assert result.changed
    assert not bench.build(MODELS).changed

    assert errors(check_repository(bench.out, release("24.10"))) == []
    assert verify(bench.out) == []
    config = read_config(bench.out / "scorer" / "config.pbtxt")
    assert config.max_batch_size == 32
    assert config.dynamic_batching.max_queue_delay_microseconds == 500
    assert list(config.input[0].dims) == [8]
    whole = read_config(bench.out / "embedder" / "config.pbtxt")
    assert whole.max_batch_size == 0
    assert list(whole.output[0].dims) == [-1, -1, 4]
    compared = read_manifest(bench.out).exports["onnx/embedder"]["parity"]
    shapes = {tuple(map(tuple, each["inputs"].values())) for each in compared["differences"]}
    assert len(shapes) == 3 and all(ids == mask for ids, mask in shapes)

    x = weights(7, 5, 8)
    ids = np.array([[10, 0, 3]])
    mask = np.array([[1, 1, 0]])
    here: Any = InProcess(bench.out).run("scorer", {"x": x})["y"]
    np.testing.assert_allclose(here, expected_of_scorer(x), rtol=1e-5)
    server = serve(bench.out)
    answer = ask(server, "scorer", {"x": x})["y"]
    np.testing.assert_allclose(answer, expected_of_scorer(x), rtol=1e-5)
    vectors = ask(server, "embedder", {"ids": ids, "mask": mask})["y"]
    np.testing.assert_array_equal(vectors, weights(2, 11, 4)[ids] * mask[..., None])
