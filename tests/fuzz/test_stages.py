"""Each stage alone, with tensors that no pipeline sends it: an answer, or a refusal of ours.

Clients can call composing models too. Tensors keep the dtypes and the fixed sizes that Triton holds
a request to; everything else is open: no elements, NaN, huge and negative numbers, lengths that do
not fit together. The stages are the checkout's, the files beside them the built repository's.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from builders.kit.invalid_argument import InvalidArgument
from repository.config.proto import pb
from repository.config.text import read_config

Arrays = Mapping[str, Any]

REPOSITORY = Path(__file__).parents[2] / "model_repository"

DTYPES = {
    pb.TYPE_UINT8: np.uint8,
    pb.TYPE_INT32: np.int32,
    pb.TYPE_FP32: np.float32,
    pb.TYPE_BOOL: np.bool_,
}

FLOATS = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 0.5, 100.0, np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45]),
    st.floats(width=32),
)
INTEGERS = st.one_of(
    st.sampled_from([0, 1, 2, -1, 16_000, 2**31 - 1, -(2**31)]), st.integers(-(2**31), 2**31 - 1)
)
WORDS = st.one_of(
    st.sampled_from([b"", b" ", b"light", b"\xff\xfe", b"a b", b"\0", "né".encode(), b"x" * 5000]),
    st.binary(max_size=12),
)
SIDES = st.integers(0, 5)


def tensor(data: st.DataObject, config: Any, axes: dict[str, int]) -> np.ndarray:
    """A tensor for an input: mostly of the sizes that others have, and of numbers that could be."""
    shape = []
    for dim in config.dims:
        free = data.draw(st.one_of(st.just(axes["usual"]), SIDES)) if dim == -1 else dim
        shape.append(int(free))
    if config.data_type == pb.TYPE_STRING:
        words = data.draw(npst.arrays(np.object_, tuple(shape), elements=WORDS))
        return np.asarray(words)
    dtype: np.dtype[Any] = np.dtype(DTYPES[config.data_type])
    elements: Any = {"f": FLOATS, "i": INTEGERS, "u": st.integers(0, 255), "b": st.booleans()}
    if data.draw(st.booleans()):  # numbers that fit: small ones
        small = {"f": st.floats(-1, 0, width=32), "i": st.integers(0, 1)}
        elements = elements | small
    return np.asarray(data.draw(npst.arrays(dtype, tuple(shape), elements=elements[dtype.kind])))


def calling(name: str, requests: Sequence[Arrays]) -> list[dict[str, np.ndarray]]:
    """What the models that stages call would answer."""
    if name == "detect_speech_stream":
        (asked,) = requests
        heard = np.full(len(asked["waveform"]) // 512, 0.7, np.float32)
        return [{"speech": heard, "next_context": asked["context"], "next_state": asked["state"]}]
    if name == "detect":
        return [
            {"probability": np.zeros((1, 1, *asked["page"].shape[1:3]), np.float32)}
            for asked in requests
        ]
    answer = np.log(np.full((1, 4, 321), 1 / 321, np.float32))
    return [{"log_probs": answer, "steps": np.array([4], np.int32)} for _ in requests]


def stage(name: str) -> tuple[Any, Callable[[Arrays], Mapping[str, np.ndarray]]]:
    """A built model's config, and its stage as it stands in the checkout."""
    # No built pipeline has decode_audio by itself; find_speech takes what it takes.
    built = "find_speech" if name == "decode_audio" else name
    config = read_config(REPOSITORY / built / "config.pbtxt")
    parameters = {key: value.string_value for key, value in config.parameters.items()}
    module = parameters["stage"] if built == name else name
    for package in ("builders.stages", "builders.ocr.stages", "builders.asr.stages"):
        if importlib.util.find_spec(f"{package}.{module}") is not None:
            break
    prepare = importlib.import_module(f"{package}.{module}").prepare
    given = [calling] if "calls" in parameters else []
    return config, prepare(REPOSITORY / built / "1", parameters, *given)


def assert_answers_or_refuses(
    config: Any, run: Callable[[Arrays], Mapping[str, np.ndarray]], inputs: Arrays
) -> None:
    try:
        answer = run(inputs)
    except InvalidArgument as refusal:
        text = str(refusal)
        assert text and "\n" not in text and len(text) < 500, text
        return
    for output in config.output:
        if output.name not in answer and answer.keys() == {"waveform"}:
            continue
        array = answer[output.name]
        assert array.ndim == len(output.dims), output.name
        for size, dim in zip(array.shape, output.dims, strict=True):
            assert dim in (-1, size), (output.name, array.shape)
        if array.dtype.kind == "f":
            assert np.isfinite(array).all(), output.name


NAMES = [
    *("decode_image", "prepare_page", "locate", "crop", "collect"),
    *("decode_audio", "find_speech", "join_segments", "asr_stream"),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", NAMES)
def test_a_stage_called_directly_answers_or_refuses(name: str) -> None:
    config, run = stage(name)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        axes = {"usual": data.draw(st.integers(0, 3))}
        inputs: dict[str, Any] = {
            each.name: tensor(data, each, axes)
            for each in config.input
            if not each.optional or data.draw(st.booleans())
        }
        if config.HasField("sequence_batching"):
            inputs |= {"start": True, "end": data.draw(st.booleans()), "correlation": 7}
            inputs["state"] = {}
        assert_answers_or_refuses(config, run, inputs)

    check()


def zeros(config: Any, **given: np.ndarray) -> dict[str, np.ndarray]:
    """A request of zeros that fits, with some tensors of its own."""
    return {
        each.name: np.zeros([1 if dim == -1 else dim for dim in each.dims], DTYPES[each.data_type])
        for each in config.input
        if not each.optional
    } | given


QUAD = np.array([[[0, 0], [30, 0], [30, 10], [0, 10]]], np.float32)
PAGE = np.array([[1, 0, 1, 1]], np.int32)
SLOT = np.array([[0, 0]], np.int32)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("prepare_page", {"pixels": np.zeros((0, 0, 3), np.uint8)}, "shape [0, 0, 3]"),
        ("prepare_page", {"pixels": np.zeros((4, 0, 3), np.uint8)}, "shape [4, 0, 3]"),
        ("crop", {"pixels": np.zeros((0, 9, 3), np.uint8)}, "shape [0, 9, 3]"),
        ("crop", {"quads": np.zeros((1001, 4, 2), np.float32), "pages": PAGE}, "found 1001 on 1"),
        ("crop", {"quads": QUAD * 1e30, "pages": PAGE}, "quads near the image"),
        ("crop", {"bends": np.full((1, 33, 33, 2), np.nan), "pages": PAGE}, "found 1 for 1 pages"),
        ("crop", {"bends": np.ones((1, 33, 33, 2)), "pages": PAGE}, "from -0.25 to 0.25"),
        ("crop", {"bends": np.zeros((2, 33, 33, 2)), "pages": PAGE}, "found 2 for 1 pages"),
        ("crop", {"sampled": np.zeros(2, np.int32), "pages": PAGE}, "2 pages for 1 samples"),
        ("locate", {"zooms": np.zeros(1, np.float32)}, "a zoom, a size and a page for each sheet"),
        ("locate", {"zooms": np.ones(2, np.float32)}, "found 2 zooms, 1 sizes, 1 pages"),
        ("locate", {"zooms": np.ones(1, np.float32)}, "1 bytes of sheets"),
        ("locate", {"page": np.zeros((2, 1, 1, 3), np.uint8)}, "shape [2, 1, 1, 3]"),
        ("locate", {"page": np.zeros((1, 1, 9, 3), np.uint8)}, "shape [1, 1, 9, 3]"),
        ("locate", {"probability": np.full((1, 1, 1, 1), np.nan, np.float32)}, "found NaN"),
        ("collect", {"slots": np.array([[0, 0, 5, 0]], np.int32)}, "found [0, 5]"),
        ("collect", {"slots": np.array([[0, -1, 0, 0]], np.int32)}, "found [-1, 0]"),
        ("collect", {"slots": np.array([[1, 0, 0, 0]], np.int32)}, "found lines [1] in 1 slots"),
        ("collect", {"index_0": np.array([[-2]], np.int32)}, "found -2 to -2"),
        ("collect", {"space_0": np.zeros((1, 7), np.float32)}, "of one shape"),
        ("join_segments", {"steps_0": np.array([-3], np.int32)}, "found -3 to -3"),
        ("join_segments", {"log_probs_0": np.zeros((1, 1, 5), np.float32)}, "[1, 1, 5]"),
        (
            "join_segments",
            {f"log_probs_{k}": np.full((1, 1, 321), np.nan, np.float32) for k in range(9)},
            "logarithms of probabilities",
        ),
        (
            "join_segments",
            {
                **{f"log_probs_{k}": np.zeros((1, 1, 321), np.float32) for k in range(9)},
                "slots": np.repeat(SLOT, 9, 0),
                "spans": np.zeros((9, 2), np.float32),
            },
            "of their own",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(
    name: str, given: dict[str, np.ndarray], said: str
) -> None:
    config, run = stage(name)
    known = {each.name for each in config.input}
    given = {key: value for key, value in given.items() if key in known}
    with pytest.raises(InvalidArgument) as refusal:
        run(zeros(config, **given))
    assert said in str(refusal.value)
