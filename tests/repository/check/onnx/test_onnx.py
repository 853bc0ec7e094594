"""ONNX files: what the check reads of them, and what it says when the config does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from repository.check.check import check_repository
from repository.findings import errors
from repository.onnx.header import SMALL, OnnxUnreadable, read_header
from repository.release import release

RELEASE = release("24.10")

CONFIG = """
backend: "onnxruntime"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 3 }
instance_group { count: 1 kind: KIND_CPU }
"""


def linear(*, opset: int = 20, ir_version: int = 10, rows: int = 4) -> onnx.ModelProto:
    """y = x @ w, with a shape that only inference completes, and weights above SMALL bytes."""
    weights = np.ones((rows, 300), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["wide"]),
            helper.make_node("Slice", ["wide", "from", "to", "axis"], ["y"]),
        ],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", rows])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "columns"])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array([0]), "from"),
            numpy_helper.from_array(np.array([3]), "to"),
            numpy_helper.from_array(np.array([1]), "axis"),
        ],
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version)


def repository(tmp_path: Path, config: str = CONFIG) -> Path:
    folder = tmp_path / "net" / "1"
    folder.mkdir(parents=True)
    (folder.parent / "config.pbtxt").write_text(config)
    return folder / "model.onnx"


def rules(tmp_path: Path) -> set[str]:
    return {finding.rule for finding in check_repository(tmp_path, RELEASE)}


def test_sound_model_has_no_findings(tmp_path: Path) -> None:
    onnx.save(linear(), repository(tmp_path))
    assert check_repository(tmp_path, RELEASE) == []


def test_header_is_what_onnx_runtime_says(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(linear(), path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    header = read_header(path)
    for read, told in (
        (header.graph.inputs, session.get_inputs()),
        (header.graph.outputs, session.get_outputs()),
    ):
        assert [(each.name, each.type, list(each.axes)) for each in read] == [
            (each.name, each.type, each.shape) for each in told
        ]
    assert header.graph.outputs[0].axes == ("batch", 3)
    assert (header.opset, header.ir_version, header.external) == (20, 10, ())


def test_weights_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(linear(rows=400), path)
    sizes = []
    parse = onnx.ModelProto.FromString
    monkeypatch.setattr(
        onnx.ModelProto, "FromString", lambda text: sizes.append(len(text)) or parse(text)
    )
    read_header(path)
    assert path.stat().st_size > 400 * 300 * 4
    assert sizes and max(sizes) < 2 * SMALL


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('name: "x"', 'name: "image"', "onnx-unknown-input"),
        ('name: "y"', 'name: "text"', "onnx-unknown-output"),
        ("data_type: TYPE_FP32 dims: 4", "data_type: TYPE_FP16 dims: 4", "onnx-dtype"),
        ("dims: 4", "dims: [4, 4]", "onnx-dims"),
        ("dims: 4", "dims: -1", "onnx-dims"),
        ("dims: 3", "dims: -1", "onnx-dims"),
        ("max_batch_size: 8", "max_batch_size: 0", "onnx-dims"),
    ],
)
def test_config_that_does_not_fit_the_graph(tmp_path: Path, old: str, new: str, rule: str) -> None:
    onnx.save(linear(), repository(tmp_path, CONFIG.replace(old, new, 1)))
    assert rule in rules(tmp_path)


def test_model_newer_than_the_release(tmp_path: Path) -> None:
    path = repository(tmp_path)
    onnx.save(linear(opset=22), path)
    assert rules(tmp_path) == {"onnx-version"}
    onnx.save(linear(ir_version=11), path)
    assert rules(tmp_path) == {"onnx-version"}
    assert check_repository(tmp_path, release("26.08")) == []


def external(path: Path) -> None:
    onnx.save(linear(), path, save_as_external_data=True, location="model.onnx.data")


def test_external_data_lies_beside_its_model(tmp_path: Path) -> None:
    path = repository(tmp_path)
    external(path)
    assert rules(tmp_path) == set()
    data = path.with_name("model.onnx.data")
    data.rename(path.with_name("away"))
    assert rules(tmp_path) == {"external-data"}


def test_external_data_lies_in_a_folder_with_its_model(tmp_path: Path) -> None:
    path = repository(tmp_path)
    path.mkdir()
    external(path / "model.onnx")
    assert rules(tmp_path) == set()
    (path / "model.onnx.data").rename(path.with_name("model.onnx.data"))
    assert rules(tmp_path) == {"external-data"}


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4800\n"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "a file of 0 bytes"),
        (bytes(4799), "a file of 4799 bytes"),
        (POINTER, "Git LFS pointer"),
    ],
)
def test_external_data_that_is_not_there(tmp_path: Path, content: bytes, found: str) -> None:
    path = repository(tmp_path)
    external(path)
    path.with_name("model.onnx.data").write_bytes(content)
    (finding,) = check_repository(tmp_path, RELEASE)
    assert finding.rule == "external-data" and found in finding.found
    assert finding.tensor == "w"


@given(
    offset=st.none() | st.integers(-2, 200) | st.sampled_from(["", "x", "1e3", "9" * 30]),
    length=st.none() | st.integers(-2, 200) | st.just(48),
    size=st.integers(0, 200),
)
def test_external_data_is_judged_as_onnx_runtime_judges(
    tmp_path_factory: pytest.TempPathFactory,
    offset: int | str | None,
    length: int | None,
    size: int,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "external" / "net"
    (folder / "1").mkdir(parents=True, exist_ok=True)
    (folder / "config.pbtxt").write_text(CONFIG)
    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "data"), ("offset", offset), ("length", length)):
        if value is not None:
            weight.external_data.add(key=key, value=str(value))
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    path = folder / "1" / "model.onnx"
    path.write_bytes(model.SerializeToString())
    path.with_name("data").write_bytes(bytes(size))
    try:
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        refused = False
    except Exception:
        refused = True
    found = {finding.rule for finding in check_repository(folder.parent, RELEASE)}
    assert found == ({"external-data"} if refused else set())


def test_a_pointer_that_would_be_read_as_data_is_an_error(tmp_path: Path) -> None:
    path = repository(tmp_path)
    external(path)
    path.with_name("model.onnx.data").write_bytes(POINTER + bytes(4800))
    (finding,) = errors(check_repository(tmp_path, RELEASE))
    assert finding.rule == "external-pointer" and "Git LFS pointer" in finding.found


def test_a_model_that_is_a_pointer_says_so(tmp_path: Path) -> None:
    repository(tmp_path).write_bytes(POINTER)
    (finding,) = check_repository(tmp_path, RELEASE)
    assert finding.rule == "onnx-file" and "Git LFS pointer" in finding.found


def test_external_data_may_not_lead_out(tmp_path: Path) -> None:
    path = repository(tmp_path)
    path.mkdir()
    external(path / "model.onnx")
    content = (path / "model.onnx").read_bytes()
    moved = content.replace(b"model.onnx.data", b"../../aaaa.data")
    assert moved != content
    (path / "model.onnx").write_bytes(moved)
    (path.parent.parent / "aaaa.data").write_bytes(b"")
    assert rules(tmp_path) == {"external-path"}


def test_external_data_may_not_lead_out_by_a_link(tmp_path: Path) -> None:
    """Of links to files of one folder, as a cache of downloads makes them, both stay together."""
    path = repository(tmp_path)
    store = tmp_path.parent / f"{tmp_path.name}-store"
    store.mkdir()
    external(store / "blob")
    path.symlink_to(store / "blob")
    path.with_name("model.onnx.data").symlink_to(store / "model.onnx.data")
    assert rules(tmp_path) == set()
    path.unlink()
    path.write_bytes((store / "blob").read_bytes())
    assert rules(tmp_path) == {"external-path"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"not a model",
        lambda content: content[: len(content) // 2],
        lambda content: b"\xff" * 64,
        lambda content: b"\x3a\x00",
    ],
)
def test_damaged_file_is_a_finding(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = repository(tmp_path)
    onnx.save(linear(), path)
    path.write_bytes(damage(path.read_bytes()))
    assert rules(tmp_path) == {"onnx-file"}


@given(st.binary(max_size=200), st.integers(0, 200))
def test_hostile_bytes_are_a_header_or_unreadable(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    sound = linear().SerializeToString()
    path = tmp_path_factory.getbasetemp() / "hostile.onnx"
    for content in (noise, sound[:at] + noise + sound[at + len(noise) :]):
        path.write_bytes(content)
        try:
            read_header(path)
        except OnnxUnreadable as error:
            assert str(error)
