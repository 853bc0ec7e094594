"""Silero's convolutions as matrix products: the same function, and no other graph taken for it."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from builders.asr.vad import silero
from builders.kit.onnx import OnnxError
from builders.kit.sources import resolve

CHECKPOINT = "package:silero_vad/data/silero_vad_16k_sequence.onnx"


@pytest.fixture
def model() -> onnx.ModelProto:
    return onnx.load(resolve(CHECKPOINT).path)


def _run(model: onnx.ModelProto, frames: np.ndarray) -> list[np.ndarray]:
    state = np.random.default_rng(2).uniform(-0.5, 0.5, (2, 1, 1, 128)).astype(np.float32)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[np.ndarray] = session.run(None, {"input": frames, "h": state[0], "c": state[1]})
    return found


def test_the_products_say_what_the_convolutions_say(model: onnx.ModelProto) -> None:
    frames = np.random.default_rng(1).normal(0, 0.2, (7, 576)).astype(np.float32)
    # The reflected end of a frame has taps of its own: a frame that is loud only there shows them.
    frames[3, :510] = 0
    expected = _run(model, frames)
    silero.as_products(model, "input")
    onnx.checker.check_model(model)
    for found, wanted in zip(_run(model, frames), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-5, rtol=0)
    assert [node.op_type for node in model.graph.node].count("Conv") == 1


def test_another_graph_is_refused_by_what_it_lacks(model: onnx.ModelProto) -> None:
    (lost,) = (each for each in model.graph.initializer if each.name == "encoder.2.bias")
    model.graph.initializer.remove(lost)
    with pytest.raises(OnnxError, match=r"none of its tensors encoder\.2\.bias"):
        silero.as_products(model, "input")
