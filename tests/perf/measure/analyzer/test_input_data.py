"""Requests as perf_analyzer's JSON."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from perf.errors import LegFailed
from perf.measure.analyzer import input_data
from perf.measure.analyzer.model import Input, Model

NUMBERS = {"BOOL": "?", "UINT8": "u1", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}
SHAPES = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


def model(datatype: str, *, batches: bool = False) -> Model:
    return Model("m", batches, {"x": Input(datatype, False), "o": Input("INT32", True)}, ("y",))


def entries(path: Path) -> list[dict[str, dict[str, object]]]:
    data: list[dict[str, dict[str, object]]] = json.loads(path.read_text())["data"]
    return data


def content(entry: dict[str, object]) -> bytes:
    if "b64" not in entry:
        assert entry["content"] == []
        return b""
    return base64.b64decode(str(entry["b64"]))


@settings(max_examples=50)
@given(st.data(), st.sampled_from(sorted(NUMBERS)))
def test_numbers_are_written_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, datatype: str
) -> None:
    array = data.draw(arrays.arrays(np.dtype(NUMBERS[datatype]), SHAPES))
    path = tmp_path_factory.getbasetemp() / "inputs.json"
    assert input_data.write([{"x": array}, {"x": array[::-1]}], model(datatype), path) == 1
    for entry, expected in zip(entries(path), [array, array[::-1]], strict=True):
        assert entry["x"]["shape"] == list(expected.shape)
        assert content(entry["x"]) == expected.tobytes()


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=8), max_size=4))
def test_strings_need_not_be_utf8(
    tmp_path_factory: pytest.TempPathFactory, strings: list[bytes]
) -> None:
    array = np.array(strings, object)
    path = tmp_path_factory.getbasetemp() / "strings.json"
    input_data.write([{"x": array}], model("BYTES"), path)
    (entry,) = entries(path)
    expected = b"".join(struct.pack("<I", len(each)) + each for each in strings)
    assert entry == {"x": entry["x"]}
    assert (content(entry["x"]), entry["x"]["shape"]) == (expected, [len(strings)])


def test_a_batch_is_as_many_entries(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    rows = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    given_batch = input_data.write([{"x": rows}], model("FP32", batches=True), path)
    assert given_batch == 2
    assert [content(entry["x"]) for entry in entries(path)] == [row.tobytes() for row in rows]
    assert [entry["x"]["shape"] for entry in entries(path)] == [[3, 2], [3, 2]]


def test_a_tensor_without_a_batch_axis_is_refused(tmp_path: Path) -> None:
    requests = [{"x": np.array(1, np.float32)}]
    with pytest.raises(LegFailed, match="input 'x' has no batch axis; add one in front"):
        input_data.write(requests, model("FP32", batches=True), tmp_path / "inputs.json")
