import pickle
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from builders.kit import onnx as kit


@pytest.fixture
def model() -> ModelProto:
    weights = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 8])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture
def outside(model: ModelProto, tmp_path: Path) -> Path:
    """A model whose external data is all there, until a test says otherwise."""
    kit.save(model, tmp_path / "in" / "m", external=True)
    return tmp_path / "in" / "m"


def run(path: Path, x: np.ndarray) -> np.ndarray:
    return np.asarray(onnxruntime.InferenceSession(path).run(None, {"x": x})[0])


def test_inline_and_external_files_compute_the_same(model: ModelProto, tmp_path: Path) -> None:
    kit.save(model, tmp_path / "inline.onnx")
    kit.save(model, tmp_path / "external.onnx", external=True)

    assert sorted(p.name for p in (tmp_path / "external.onnx").iterdir()) == [
        "model.onnx",
        "model.onnx.data",
    ]
    x = np.ones((3, 64), np.float32)
    expected = run(tmp_path / "inline.onnx", x)
    assert np.array_equal(run(tmp_path / "external.onnx" / "model.onnx", x), expected)
    # onnxruntime resolves the sidecar beside the file, so the folder can be moved.
    (tmp_path / "external.onnx").rename(tmp_path / "moved")
    assert np.array_equal(run(tmp_path / "moved" / "model.onnx", x), expected)


@pytest.mark.parametrize("external", [False, True])
def test_what_was_saved_is_loaded_and_saved_again_byte_for_byte(
    model: ModelProto, tmp_path: Path, external: bool
) -> None:
    before = model.SerializeToString(deterministic=True)
    kit.save(model, tmp_path / "first", external=external)
    assert model.SerializeToString(deterministic=True) == before

    loaded = kit.load(tmp_path / "first")
    assert loaded.SerializeToString(deterministic=True) == before
    kit.save(loaded, tmp_path / "second", external=external)

    def content(path: Path) -> list[bytes]:
        return [p.read_bytes() for p in (sorted(path.iterdir()) if external else [path])]

    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_a_model_above_the_limit_gets_its_sidecar_unasked(
    model: ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.kit.onnx.files.INLINE_LIMIT", 1000)
    kit.save(model, tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx" / "model.onnx.data").stat().st_size == 64 * 8 * 4


def test_save_replaces_either_layout_by_the_other(model: ModelProto, tmp_path: Path) -> None:
    for external in (True, False, True):
        kit.save(model, tmp_path / "m", external=external)
        assert (tmp_path / "m").is_dir() is external


def test_save_spares_a_directory_of_other_things(model: ModelProto, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(kit.OnnxError, match="other files"):
        kit.save(model, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_load_takes_the_one_onnx_file_of_a_folder(model: ModelProto, tmp_path: Path) -> None:
    kit.save(model, tmp_path / "inference.onnx")
    assert kit.load(tmp_path).graph.name == "graph"
    kit.save(model, tmp_path / "other.onnx")
    with pytest.raises(kit.OnnxError, match=r"inference\.onnx, other\.onnx"):
        kit.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "valid ONNX model"),
        (b"\x89PNG\r\n\x1a\n" * 40, "not one"),
        (pickle.dumps({"weights": [1.0] * 100}), "not one"),
        (b"PK\x03\x04" + bytes(100), "not one"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not one"),
        (bytes(4096), "not one"),
    ],
)
def test_load_refuses_what_is_not_onnx(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(kit.OnnxError, match=message):
        kit.load(path)


def test_load_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(kit.OnnxError, match="found none"):
        kit.load(tmp_path / "no.onnx")
    with pytest.raises(kit.OnnxError, match="found none"):
        kit.load(tmp_path)


@settings(deadline=None)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_load_refuses_a_model_cut_anywhere(
    cut: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    whole = helper.make_model(graph, ir_version=10).SerializeToString()
    path = tmp_path_factory.getbasetemp() / "cut.onnx"
    path.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(kit.OnnxError):
        kit.load(path)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_spoilt_file_is_a_model_or_an_onnx_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Never another exception, neither from loading nor from what is done next."""
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(3))),
            helper.make_node("MatMul", ["x", "w"], ["y"]),
        ],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8])],
        [numpy_helper.from_array(np.ones((64, 8), np.float32), "w")],
    )
    folder = tmp_path_factory.getbasetemp() / "spoilt"
    kit.save(helper.make_model(graph, ir_version=10), folder, external=True)
    content = bytearray((folder / "model.onnx").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 3))
        content[place : place + length] = data.draw(st.binary(max_size=3))
    (folder / "model.onnx").write_bytes(content)
    try:
        model = kit.load(folder)
        kit.flush_subnormals(model)
        kit.rename(model, inputs={model.graph.input[0].name: "renamed"})
    except kit.OnnxError:
        pass


@pytest.mark.parametrize("size", [2047, 2049])
def test_weights_of_another_size_than_their_shape_are_refused(
    model: ModelProto, tmp_path: Path, size: int
) -> None:
    model.graph.initializer[0].raw_data = bytes(size)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(kit.OnnxError) as caught:
        kit.load(tmp_path / "m.onnx")
    assert "2048 bytes" in str(caught.value)
    assert str(size) in str(caught.value)


def test_external_weights_of_another_size_are_refused(outside: Path) -> None:
    relocate(outside, length="2044")
    with pytest.raises(kit.OnnxError, match=r"'w': expected 2048 bytes .*, found 2044"):
        kit.load(outside)


def test_four_bit_weights_are_two_to_a_byte(model: ModelProto, tmp_path: Path) -> None:
    packed = helper.make_tensor("i", TensorProto.INT4, [3], np.array([1, 2, 3]), raw=False)
    raw = model.graph.initializer.add(name="i", data_type=TensorProto.INT4, dims=[3])
    raw.raw_data = bytes(packed.int32_data)
    model.opset_import[0].version = 21
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert len(kit.load(tmp_path / "m.onnx").graph.initializer[1].raw_data) == 2


def test_names_that_are_no_text_are_refused(model: ModelProto, tmp_path: Path) -> None:
    content = model.SerializeToString().replace(b"graph", b"gr\xd1ph")
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(kit.OnnxError, match="names in UTF-8"):
        kit.load(tmp_path / "m.onnx")


@pytest.mark.slow
def test_a_model_above_two_gibibytes_is_saved_loaded_and_run(tmp_path: Path) -> None:
    weights = [
        numpy_helper.from_array(np.full((16384, 18000), number, np.float32), f"w{number}")
        for number in (1, 2)
    ]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"]),
            helper.make_node("MatMul", ["x", "w2"], ["b"]),
            helper.make_node("Add", ["a", "b"], ["y"]),
        ],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 16384])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 18000])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    kit.save(model, tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx" / "model.onnx.data").stat().st_size > 2**31
    loaded = kit.load(tmp_path / "m.onnx")
    assert kit.flush_subnormals(loaded) == 0
    assert loaded.graph.initializer[1].raw_data == weights[1].raw_data
    del loaded, model, graph, weights
    x = np.zeros((1, 16384), np.float32)
    x[0, 0] = 1
    assert (run(tmp_path / "m.onnx" / "model.onnx", x) == 3).all()


def relocate(folder: Path, **entries: str) -> None:
    """Rewrite where the model in a folder says that its external data is."""
    file = folder / "model.onnx"
    model = onnx.load(file, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = entries.get(entry.key, entry.value)
    file.write_bytes(model.SerializeToString())


def test_external_data_must_be_there(outside: Path) -> None:
    (outside / "model.onnx.data").unlink()
    with pytest.raises(kit.OnnxError, match=r"'w': expected external data in 'model\.onnx\.data'"):
        kit.load(outside)


def test_external_data_must_be_whole(outside: Path) -> None:
    data = outside / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(kit.OnnxError, match="truncated"):
        kit.load(outside)


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret", "..\\secret"])
def test_external_data_must_not_leave_the_folder(outside: Path, location: str) -> None:
    (outside.parent / "secret").write_bytes(bytes(64 * 8 * 4))
    relocate(outside, location=location)
    with pytest.raises(kit.OnnxError, match="which leaves it"):
        kit.load(outside)


def test_external_data_must_not_leave_by_a_link(outside: Path) -> None:
    secret = outside.parent / "secret"
    (outside / "model.onnx.data").rename(secret)
    (outside / "model.onnx.data").symlink_to(secret)
    with pytest.raises(kit.OnnxError, match="which leaves it"):
        kit.load(outside)


@pytest.mark.parametrize("entries", [{"offset": "-4096"}, {"length": "many"}, {"length": "99999"}])
def test_external_data_must_lie_in_its_file(outside: Path, entries: dict[str, str]) -> None:
    relocate(outside, **entries)
    with pytest.raises(kit.OnnxError, match=r"expected (offset|-?[0-9]+ bytes)"):
        kit.load(outside)


def test_external_data_in_a_constant_is_held_to_the_same(outside: Path) -> None:
    file = outside / "model.onnx"
    model = onnx.load(file, load_external_data=False)
    weights = model.graph.initializer[0]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=weights))
    del model.graph.initializer[:]
    file.write_bytes(model.SerializeToString())
    assert len(kit.load(outside).graph.node[0].attribute[0].t.raw_data) == 64 * 8 * 4
    (outside / "model.onnx.data").unlink()
    with pytest.raises(kit.OnnxError, match="no such file"):
        kit.load(outside)


def test_a_newer_ir_version_is_lowered(model: ModelProto, tmp_path: Path) -> None:
    model.ir_version = 12
    kit.save(model, tmp_path / "m.onnx")
    assert kit.load(tmp_path / "m.onnx").ir_version == kit.NEWEST_IR


def test_a_newer_data_type_cannot_be_lowered(model: ModelProto, tmp_path: Path) -> None:
    model.ir_version = 13
    newer = model.graph.initializer.add(name="i", data_type=TensorProto.FLOAT4E2M1, dims=[2])
    newer.raw_data = b"\0"
    with pytest.raises(kit.OnnxError, match="FLOAT4E2M1"):
        kit.save(model, tmp_path / "m.onnx")


def test_save_refuses_an_invalid_model(model: ModelProto, tmp_path: Path) -> None:
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(kit.OnnxError, match="not valid ONNX"):
        kit.save(model, tmp_path / "m.onnx")
