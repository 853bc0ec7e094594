"""Weights and their index from anybody: whole, or refused in a sentence with the place."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

from builders.kit.sources import SourceError, resolve

SHARD = "model-00001-of-00001.safetensors"
INDEX = "model.safetensors.index.json"
WHOLE = save({"a": np.arange(6, dtype=np.float32)})


def put(folder: Path, index: Any = ..., weights: bytes = WHOLE) -> Path:
    (folder / SHARD).write_bytes(weights)
    if index is not ...:
        (folder / INDEX).write_text(json.dumps(index))
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        resolve(f"path:{folder}")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800
    return str(caught.value)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"weight_map": value}
    return value


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ([], "expected a JSON object, found a list"),
        ({}, "found as weight_map null"),
        ({"weight_map": None}, "found as weight_map null"),
        ({"weight_map": 5}, "found as weight_map a number"),
        ({"weight_map": [SHARD]}, "found as weight_map a list"),
        (nested(90), "weight_map, 'weight_map': expected the name of a file, found an object"),
        (nested(300), "at most 100 levels"),
        ({"weight_map": {"a": 5}}, "'a': expected the name of a file, found a number"),
        ({"weight_map": {"a": None}}, "'a': expected the name of a file, found null"),
        ({"weight_map": {"a": [SHARD]}}, "'a': expected the name of a file, found a list"),
        ({"weight_map": {"a": f"../{SHARD}"}}, "expected the names of files beside it, found ../"),
        ({"weight_map": {"a": f"/etc/{SHARD}"}}, "expected the names of files beside it"),
        ({"weight_map": {"a": ""}}, "expected the names of files beside it"),
        ({"weight_map": {"a": ".."}}, "expected the names of files beside it"),
        ({"weight_map": {"a": "b\0c.safetensors"}}, r"1 missing (b\x00c.safetensors)"),
        ({"weight_map": {"a": "x" * 9000}}, "1 missing (xxx"),
        ({"weight_map": {"a": "model-2.safetensors"}}, "1 missing (model-2.safetensors)"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: Any, said: str) -> None:
    message = refused(put(tmp_path, index))
    assert said in message
    assert INDEX in message


def test_an_index_that_names_what_is_there_is_taken(tmp_path: Path) -> None:
    folder = put(tmp_path, {"metadata": {}, "weight_map": {"a": SHARD}})
    assert set(resolve(f"path:{folder}").files) == {SHARD, INDEX}


def headed(header: bytes, data: bytes = bytes(24)) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        b"\0" * 7,
        LFS,
        WHOLE[:-1],
        WHOLE + b"\0",
        struct.pack("<Q", 2**63) + b"{}",
        headed(b"null"),
        headed(b"[" * 5000),
        headed(b'{"a":' * 5000),
        headed(b'{"a": {"dtype": "F32", "shape": [6], "data_offsets": [0, 99]}}'),
        headed(b'{"a": {"dtype": "F32", "shape": [-6], "data_offsets": [0, 24]}}'),
        headed(
            b'{"a": {"dtype": "F32", "shape": [9223372036854775807, 4], "data_offsets": [0, 24]}}'
        ),
        headed(b'{"a": {"dtype": "X9", "shape": [6], "data_offsets": [0, 24]}}'),
    ],
    ids=lambda weights: repr(weights[8:40]),
)
def test_safetensors_that_are_not_whole_are_refused(tmp_path: Path, weights: bytes) -> None:
    put(tmp_path, weights=weights)
    assert f"expected whole safetensors, found {SHARD} (" in refused(tmp_path)
    assert "expected whole safetensors" in refused(tmp_path / SHARD)


def test_all_that_are_not_whole_are_told(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.safetensors").write_bytes(LFS)
    message = refused(tmp_path)
    assert "0.safetensors (" in message and "2.safetensors (" in message and "2 more" in message


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tokenizer.json", "expected at most 1,073,741,824 bytes"),
        ("vocab.txt", "expected at most 1,073,741,824 bytes"),
        ("encoder.onnx", "expected at most 2,147,483,648 bytes"),
        (SHARD, "expected whole safetensors"),
    ],
)
def test_what_no_file_of_its_kind_is_as_large_as_is_not_read_to_its_end(
    tmp_path: Path, name: str, told: str
) -> None:
    put(tmp_path)
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 40)
    assert told in refused(tmp_path)
    if name.endswith((".onnx", ".safetensors")):
        assert told in refused(tmp_path / name)


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just(SHARD)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["weight_map", "a", "", "\0"]), inner, max_size=3)
    ),
    max_leaves=8,
)
tensor = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "I64", "U8", "F4", "", 3]),
        "shape": st.lists(st.integers(-1, 2**64), max_size=3) | leaves,
        "data_offsets": st.lists(st.integers(-1, 40), max_size=3) | leaves,
    }
)
hostile = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@hostile
@given(index=anything | st.builds(lambda value: {"weight_map": value}, anything))
def test_any_index_is_taken_or_told(tmp_path: Path, index: Any) -> None:
    put(tmp_path, index)
    try:
        resolve(f"path:{tmp_path}")
    except SourceError as error:
        assert INDEX in str(error)
        return
    assert set(index["weight_map"].values()) <= {SHARD}


@hostile
@given(
    header=st.dictionaries(st.text(max_size=4), tensor | anything, max_size=3)
    .map(lambda header: json.dumps(header).encode())
    .filter(lambda header: len(header) < 10_000)
    | st.binary(max_size=40),
    data=st.binary(max_size=40),
    length=st.none() | st.integers(0, 2**64 - 1),
)
def test_any_safetensors_are_what_the_library_loads_or_told(
    tmp_path: Path, header: bytes, data: bytes, length: int | None
) -> None:
    content = struct.pack("<Q", len(header) if length is None else length) + header + data
    put(tmp_path, weights=content)
    try:
        resolve(f"path:{tmp_path}")
    except SourceError as error:
        assert SHARD in str(error)
        return
    assert isinstance(load_file(tmp_path / SHARD), dict)
