"""Matrices in fewer bits: what is left of them, and graphs that compute with just that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.exports.exports import exports, graph, make_decoder
from builders.decoder.exports.quantised import BLOCK, quantised, rounded
from builders.decoder.options import Weights
from builders.kit import onnx
from builders.kit.build.parity import ParityError, compare_files
from builders.kit.sources.error import SourceError
from repository.arrays import Array
from tests.builders.decoder.checkpoints.forms import TEXTS
from tests.builders.decoder.conftest import DEMO

# One process exports the decoder.
pytestmark = pytest.mark.xdist_group("demo_decoder")

SHARES: dict[Weights, float] = {"int8": 0.33, "int4": 0.2}


@given(
    st.integers(1, 5),
    st.integers(1, 3 * BLOCK),
    st.sampled_from([4, 8]),
    st.sampled_from([1e-30, 1e-3, 1.0, 1e20]),
)
def test_a_weight_is_off_by_half_a_step(outputs: int, inputs: int, bits: int, size: float) -> None:
    """One that is farthest from zero on the other side may be cut off by a whole step."""
    random = np.random.default_rng(inputs)
    matrix: Array = (random.standard_normal((outputs, inputs)) * size).astype(np.float32)
    found = rounded(matrix, bits)
    assert found.shape == matrix.shape
    for start in range(0, inputs, BLOCK):
        block = matrix[:, start : start + BLOCK]
        step = np.abs(block).max(1, keepdims=True) / (1 << (bits - 1))
        off = np.abs(np.subtract(found[:, start : start + BLOCK], block)) / step
        assert off.max() <= 1.01
        assert np.median(off) <= 0.51


def test_zeros_stay_zeros() -> None:
    assert not rounded(np.zeros((2, 40), np.float32), 4).any()


@pytest.mark.parametrize("weights", SHARES)
def test_the_demo_s_graph_computes_with_what_is_left(
    weights: Weights, demo_decoder: Path, tmp_path: Path
) -> None:
    model = quantised(onnx.load(demo_decoder / "decoder", standard=False), weights)
    kinds = [node.op_type for node in model.graph.node]
    assert (kinds.count("MatMulNBits"), kinds.count("MatMul")) == (21, 0)
    onnx.save(model, tmp_path / "decoder", external=True, standard=False)
    parity = graph(read_decoder(DEMO), weights).parity
    assert parity is not None
    found = compare_files(parity, DEMO, tmp_path / "decoder")
    assert max(each.relative for each in found) < 0.06
    few, all_bits = (
        (folder / "model.onnx.data").stat().st_size
        for folder in (tmp_path / "decoder", demo_decoder / "decoder")
    )
    assert few < SHARES[weights] * all_bits


def test_a_graph_whose_matrices_belong_elsewhere_is_found(
    demo_decoder: Path, tmp_path: Path
) -> None:
    model = onnx.load(demo_decoder / "decoder", standard=False)
    one, other = [node for node in model.graph.node if "o_proj" in node.name][:2]
    one.input[1], other.input[1] = other.input[1], one.input[1]
    onnx.save(quantised(model, "int4"), tmp_path / "mixed", external=True, standard=False)
    parity = graph(read_decoder(DEMO), "int4").parity
    assert parity is not None
    with pytest.raises(ParityError, match="logits"):
        compare_files(parity, DEMO, tmp_path / "mixed")


@pytest.mark.thorough
def test_the_table_is_kept_in_16_bits(tmp_path: Path) -> None:
    make_decoder(DEMO, tmp_path, "int4")
    table = np.load(tmp_path / "embeddings.npy", mmap_mode="r")
    assert table.dtype == np.float16


@pytest.mark.thorough
def test_experts_are_refused_in_fewer_bits(tmp_path: Path) -> None:
    decoder = read_decoder(TEXTS["gpt-oss"](tmp_path / "checkpoint"))
    with pytest.raises(SourceError, match="experts"):
        exports(decoder, "int4")
