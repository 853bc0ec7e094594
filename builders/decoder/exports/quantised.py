"""Weights of a decoder's graph in 8 or 4 bits; activations and the cache stay FP32.

Blocks of 32 weights share a scale, and ONNX Runtime's ``MatMulNBits`` multiplies them with
activations that it rounds to 8 bits on the way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
from onnx import ModelProto

from builders.decoder.options import Weights
from repository.arrays import Array

BITS: Mapping[Weights, int] = {"int8": 8, "int4": 4}

BLOCK = 32
"""Weights that share a scale: the fewest that ``MatMulNBits`` has quick code for."""

IN_8_BITS = 4
"""``accuracy_level`` of activations in 8 bits (onnxruntime, docs/ContribOperators.md)."""


def rounded(matrix: Array, bits: int) -> Array:
    """What is left of a matrix in fewer bits.

    The weight of a block that is farthest from zero becomes the lowest number, and the others the
    nearest ones, of two equally near ones the higher.

    Args:
        matrix: FP32 [outputs, inputs].
        bits: 8 or 4.
    """
    outputs, inputs = matrix.shape
    lowest = float(1 << (bits - 1))
    padded = np.pad(matrix, ((0, 0), (0, -inputs % BLOCK))).reshape(outputs, -1, BLOCK)
    high, low = padded.max(-1, keepdims=True), padded.min(-1, keepdims=True)
    scale = np.where(high > -low, high, low) / np.float32(-lowest)
    steps = padded / np.where(scale == 0, np.float32(1), scale)
    numbers = np.clip(np.floor(steps + np.float32(0.5)), -lowest, lowest - 1)
    found: Array = (numbers * scale).astype(np.float32).reshape(outputs, -1)[:, :inputs]
    return found


def quantised(model: ModelProto, weights: Weights) -> ModelProto:
    """A graph with its matrices' weights rounded, the head's too.

    Args:
        model: in FP32; it is used up.
        weights: "int8" or "int4".
    """
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    # It tells of each matrix.
    logging.getLogger(MatMulNBitsQuantizer.__module__).setLevel(logging.WARNING)
    worker = MatMulNBitsQuantizer(
        model,
        bits=BITS[weights],
        block_size=BLOCK,
        is_symmetric=True,
        accuracy_level=IN_8_BITS,
    )
    worker.process()
    made: ModelProto = worker.model.model
    return made
