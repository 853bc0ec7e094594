"""Every model of the repository called by itself, with tensors that no pipeline sends it."""

from __future__ import annotations

import functools
from random import Random
from typing import Any

import numpy as np

from repository.config.proto import pb
from repository.config.text import read_config
from tests.fuzz.case import Case, Outcome, Part
from tests.fuzz.target import REPOSITORY, Target

DTYPES: dict[int, np.dtype[Any]] = {
    pb.TYPE_UINT8: np.dtype(np.uint8),
    pb.TYPE_INT32: np.dtype(np.int32),
    pb.TYPE_FP32: np.dtype(np.float32),
    pb.TYPE_BOOL: np.dtype(np.bool_),
    pb.TYPE_STRING: np.dtype(np.object_),
}
LARGEST = (0, 512, 64, 20, 20)
"""The largest size of an open axis, by how many of them there are."""

FLOATS = (0.0, 1.0, -1.0, 0.5, np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45)
INTEGERS = (0, 0, 1, 2, -1, 16_000, 2**31 - 1, -(2**31))
TEXTS = (b"", b" ", b"light", b"\xff\xfe", b"\0", b"x" * 5000)


@functools.cache
def configs() -> dict[str, pb.ModelConfig]:
    """The configs of all models: by name."""
    return {
        path.parent.name: read_config(path) for path in sorted(REPOSITORY.glob("*/config.pbtxt"))
    }


def tensor(random: Random, config: pb.ModelInput, usual: int) -> np.ndarray:
    """Of the right dtype and rank, as Triton makes sure; all else is open."""
    # What a model computes for a large tensor takes its time, and rightly so.
    usual = min(usual, LARGEST[list(config.dims).count(-1)])
    sizes = (usual, usual, usual, usual, 0, 1, 2, min(33, usual))
    shape = [random.choice(sizes) if dim == -1 else dim for dim in config.dims]
    dtype = DTYPES[config.data_type]
    generator = np.random.default_rng(random.getrandbits(32))
    if dtype.kind == "O":
        values = [random.choice(TEXTS) for _ in range(int(np.prod(shape)))]
        return np.array(values, np.object_).reshape(shape)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "u":
        return generator.integers(0, 256, shape).astype(dtype)
    odd = FLOATS if dtype.kind == "f" else INTEGERS
    if random.random() < 0.5:
        return np.full(shape, random.choice(odd), dtype)
    small = generator.random(shape) if dtype.kind == "f" else generator.integers(0, 2, shape)
    array = small.astype(dtype)
    if array.size and random.random() < 0.5:
        array.flat[random.randrange(array.size)] = random.choice(odd)
    return array


def request(random: Random) -> Case:
    """One request to one model."""
    name = random.choice(sorted(configs()))
    config = configs()[name]
    usual = random.choice((0, 1, 1, 2, 3, 64, 512))
    inputs = {
        each.name: tensor(random, each, usual)
        for each in config.input
        if not each.optional or random.random() < 0.5
    }
    over = random.choice(("grpc", "http"))
    options = {}
    if config.HasField("sequence_batching"):
        options = {"sequence_id": random.randrange(1, 99), "sequence_start": True}
        options["sequence_end"] = random.random() < 0.9
    shapes = {key: list(array.shape) for key, array in inputs.items()}

    def send(target: Target) -> list[Outcome]:
        outcome, outputs = target.ask(name, inputs, over=over, **options)
        for key, array in outputs.items():
            if array is None:
                outcome.wrong = f"no {key}"
        return [outcome]

    return Case(f"{name} over {over} with {shapes}", send)


DIRECT = Part("direct", 500, request)
