"""Exports of the packaged models, and of other PP-OCR files under other names."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from builders.kit import onnx as kit_onnx
from builders.kit.build.parity import compare
from builders.kit.family import Export
from builders.kit.sources import SourceError, resolve
from builders.ocr import metric
from builders.ocr.checkpoints import export as exports
from builders.ocr.checkpoints.dictionary import METADATA_KEY, classes_of, read_dictionary
from builders.ocr.checkpoints.recogniser import open_recogniser
from builders.ocr.family import FAMILY
from builders.ocr.parity import text_image

spec = importlib.util.find_spec("rapidocr")
assert spec is not None and spec.origin is not None
MODELS = Path(spec.origin).parent / "models"


def packaged(component: str) -> Path:
    """The file in the package that a component's default source names."""
    source = FAMILY.sources[component]
    assert source is not None
    return MODELS / Path(source).name


RECOGNISER = packaged("recogniser")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("export", [e for e in FAMILY.exports if e.parity], ids=lambda e: e.name)
def test_exports_agree_with_their_checkpoints(export: Export, tmp_path: Path) -> None:
    checkpoint = packaged(export.source)
    made = tmp_path / "model.onnx"
    export.make(checkpoint, made)
    result = compare(export, checkpoint, made)
    assert result.absolute < 1e-4


def toy(path: Path, *, classes: int, dictionary: str | None, softmax: str = "Softmax") -> Path:
    """A recogniser whose steps are single columns of pixels, with the ends that PP-OCR has."""
    rng = np.random.default_rng(classes)
    weight = rng.normal(size=(3, classes)).astype(np.float32)
    bias = rng.normal(size=classes).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("Transpose", ["mean"], ["columns"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["columns", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
    ]
    if softmax == "Softmax":
        nodes.append(helper.make_node("Softmax", ["logits"], ["out"], axis=2))
    else:
        nodes += [
            helper.make_node("LogSoftmax", ["logits"], ["log"], axis=2),
            helper.make_node("Exp", ["log"], ["out"]),
        ]
    shape_in: list[str | int] = ["n", 3, 48, "w"]
    shape_out: list[str | int] = ["n", "w", classes]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape_out)],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    if dictionary is not None:
        helper.set_model_props(model, {METADATA_KEY: dictionary})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(("softmax", "head"), [("Softmax", "scan"), ("LogSoftmax", "whole")])
def test_another_recogniser_under_other_names(tmp_path: Path, softmax: str, head: str) -> None:
    checkpoint = toy(tmp_path / "x.onnx", classes=5, dictionary="a\nb\n\u3000\n", softmax=softmax)
    made = tmp_path / "made.onnx"
    assert exports.recogniser(checkpoint, made)["head"] == head
    crops = np.random.default_rng(1).integers(0, 255, (3, 48, 40, 3), np.uint8)
    session = onnxruntime.InferenceSession(str(made))
    index, probability, space = session.run(["index", "probability", "space"], {"crops": crops})
    planes = (crops[..., ::-1].transpose(0, 3, 1, 2) / np.float32(255) - 0.5) / 0.5
    stock = onnxruntime.InferenceSession(str(checkpoint)).run(None, {"pixels": planes})[0]
    assert np.array_equal(index, stock.argmax(2)) and index.dtype == np.int32
    assert probability == pytest.approx(stock.max(2), abs=1e-5)
    assert space == pytest.approx(stock[:, :, 4], abs=1e-5)


def test_the_dictionary_has_an_entry_for_every_class(tmp_path: Path) -> None:
    out = tmp_path / "characters.json"
    exports.dictionary(RECOGNISER, out)
    entries = json.loads(out.read_text("utf-8"))
    assert len(entries) == 18710 and entries[0] == "" and entries[-1] == " "
    assert all(len(entry) >= 1 for entry in entries[1:])


def test_a_dictionary_may_lie_in_a_folder_with_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    toy(folder / "x.onnx", classes=4, dictionary=None)
    (folder / "x.txt").write_bytes("é\r\n中\r\n".encode())
    source = resolve(f"path:{folder}")
    exports.dictionary(source.path, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text("utf-8")) == ["", "é", "中", " "]
    assert "x.txt" in source.files, "a changed dictionary must change the build's key"
    made = tmp_path / "model.onnx"
    exports.recogniser(source.path, made)
    (recogniser,) = (export for export in FAMILY.exports if export.name == "recogniser")
    assert compare(recogniser, source.path, made).absolute < 1e-4


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_dictionary_is_utf_8_with_or_without_a_byte_order_mark(tmp_path: Path, mark: str) -> None:
    model = kit_onnx.load(toy(tmp_path / "x.onnx", classes=4, dictionary=None))
    (tmp_path / "x.txt").write_bytes(f"{mark}!\r\né\r\n".encode())
    assert read_dictionary(model, tmp_path) == ["!", "é"]
    helper.set_model_props(model, {METADATA_KEY: f"{mark}!\r\né\r\n"})
    assert read_dictionary(model, tmp_path / "x.onnx") == ["!", "é"]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-16", "a byte order mark of UTF-16. Convert it: iconv -f UTF-16 -t UTF-8"),
        ("utf-32", "a byte order mark of UTF-32. Convert it: iconv -f UTF-32 -t UTF-8"),
        ("latin-1", "byte 2 that is not. Convert it: iconv -f ITS-ENCODING -t UTF-8"),
    ],
)
def test_a_dictionary_in_another_encoding_is_refused(
    tmp_path: Path, encoding: str, found: str
) -> None:
    toy(tmp_path / "x.onnx", classes=4, dictionary=None)
    (tmp_path / "x.txt").write_text("a\né\n", encoding)
    with pytest.raises(
        SourceError, match=rf"x\.txt: expected a dictionary in UTF-8, found {found}"
    ):
        open_recogniser(tmp_path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_any_dictionary_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    try:
        found = read_dictionary(ModelProto(), tmp_path)
    except SourceError as error:
        assert str(tmp_path) in str(error)
    else:
        assert not any("\n" in each for each in found)
        assert not found[0].startswith("\ufeff") or content.startswith(2 * "\ufeff".encode())


def test_a_dictionary_may_hold_the_space() -> None:
    assert classes_of(["a", " ", "b"], 4, Path("x")) == ["", "a", " ", "b"]


@pytest.mark.parametrize(
    ("dictionary", "found"), [(None, "found neither"), ("a\nb", "found 2 characters")]
)
def test_a_wrong_or_missing_dictionary_is_refused(
    tmp_path: Path, dictionary: str | None, found: str
) -> None:
    checkpoint = toy(tmp_path / "x.onnx", classes=9, dictionary=dictionary)
    with pytest.raises(kit_onnx.OnnxError, match=found):
        exports.dictionary(checkpoint, tmp_path / "out.json")


def test_a_model_with_two_outputs_is_refused(tmp_path: Path) -> None:
    checkpoint = toy(tmp_path / "x.onnx", classes=4, dictionary="a\nb")
    model = onnx.load(checkpoint)
    model.graph.output.append(
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", "w", 4])
    )
    onnx.save(model, checkpoint)
    with pytest.raises(kit_onnx.OnnxError, match="one input and one output"):
        exports.detector(checkpoint, tmp_path / "out.onnx")


def test_the_gate_counts_wrong_characters() -> None:
    expected = iter(["\n".join(lines).encode() for _, lines in metric.PAGES])
    assert metric.character_error_rate(lambda _: {"text": np.array([next(expected)])}) == 0
    assert metric.character_error_rate(lambda _: {"text": np.array([], object)}) == 1


def _steps_first(model: onnx.ModelProto) -> None:
    (output,) = model.graph.output
    model.graph.node[-1].output[0] = "rows_first"
    swapped = helper.make_node("Transpose", ["rows_first"], [output.name], perm=[1, 0, 2])
    model.graph.node.append(swapped)
    for dim in output.type.tensor_type.shape.dim:
        dim.Clear()


def _without_softmax(model: onnx.ModelProto) -> None:
    last = model.graph.node[-1]
    assert last.op_type == "Softmax"
    output, logits = last.output[0], last.input[0]
    model.graph.node.remove(last)
    for node in model.graph.node:
        node.output[:] = [output if each == logits else each for each in node.output]


def _fixed(model: onnx.ModelProto) -> None:
    dims = model.graph.input[0].type.tensor_type.shape.dim
    dims[0].dim_value, dims[3].dim_value = 1, 320


def _one_row(model: onnx.ModelProto) -> None:
    """Its number of rows is folded into constants, as simplifiers do it."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    model.CopyFrom(kit_onnx.simplify(model))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "head"),
    [
        (_steps_first, "whole"),
        (_without_softmax, "scan"),
        (_fixed, "scan"),
        (_one_row, "whole"),
    ],
)
def test_the_packaged_recogniser_in_another_form_reads_what_it_reads(
    change: Callable[[onnx.ModelProto], None], head: str, tmp_path: Path
) -> None:
    model = onnx.load(RECOGNISER)
    change(model)
    onnx.save(model, tmp_path / "x.onnx")
    exports.recogniser(RECOGNISER, tmp_path / "stock.onnx")
    assert exports.recogniser(tmp_path / "x.onnx", tmp_path / "other.onnx")["head"] == head
    crops = np.stack([text_image(48, 320, 30, shift) for shift in (0, 9, 27)])
    wanted, found = (
        onnxruntime.InferenceSession(str(tmp_path / name)).run(None, {"crops": crops})
        for name in ("stock.onnx", "other.onnx")
    )
    assert len(np.unique(wanted[0])) > 20
    np.testing.assert_array_equal(found[0], wanted[0])
    for each, other in zip(found[1:], wanted[1:], strict=True):
        np.testing.assert_allclose(each, other, atol=1e-4)
    (export,) = (export for export in FAMILY.exports if export.name == "recogniser")
    assert compare(export, tmp_path / "x.onnx", tmp_path / "other.onnx").absolute < 1e-4
