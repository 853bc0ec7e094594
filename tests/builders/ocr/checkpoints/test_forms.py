"""Checkpoints of other layouts, heights, sizes and last layers are served alike, or refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from builders.kit.build.parity import compare
from builders.kit.onnx.surgery import Attribute, make_node
from builders.ocr.checkpoints import export as exports
from builders.ocr.checkpoints import trial
from builders.ocr.checkpoints.dictionary import METADATA_KEY
from builders.ocr.checkpoints.recogniser import scale
from builders.ocr.family import FAMILY
from repository.errors import KitError

EXPORTS = {export.name: export for export in FAMILY.exports}
CHARACTERS = "abc"
CLASSES = 5
"""The blank, the characters, and the space."""


@dataclass(frozen=True)
class Form:
    """A recogniser whose steps are single columns of pixels, in some form."""

    axes: str = "NTC"
    last: str = "Softmax"
    height: int | str = 48
    batch: int | str = "n"
    width: int | str = "w"
    channels_last: bool = False
    baked: tuple[int, int] = (0, 0)
    """Rows and steps that are written into the graph; a -1 is whatever is left."""
    opset: int = 11
    dtype: int = TensorProto.FLOAT

    def write(self, path: Path, *, dictionary: str | None = "\n".join(CHARACTERS)) -> Path:
        rng = np.random.default_rng(5)
        weight = 3 * rng.normal(size=(3, CLASSES)).astype(np.float32)
        nodes, constants = [], [numpy_helper.from_array(weight, "weight")]
        pixels = "pixels"
        if self.channels_last:
            nodes.append(helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]))
            pixels = "planes"
        pads = np.array([0, 0, 0, 0, 0, 0, 0, 0], np.int64)
        constants.append(numpy_helper.from_array(pads, "pads"))
        nodes += [
            helper.make_node("Pad", [pixels, "pads"], ["padded"]),
            helper.make_node("ReduceMean", ["padded"], ["mean"], axes=[2], keepdims=0),
            helper.make_node("Transpose", ["mean"], ["columns"], perm=[0, 2, 1]),
        ]
        columns = "columns"
        if any(self.baked):
            shape = np.array([*self.baked, 3], np.int64)
            constants.append(numpy_helper.from_array(shape, "shape"))
            nodes.append(helper.make_node("Reshape", ["columns", "shape"], ["fixed"]))
            columns = "fixed"
        nodes.append(helper.make_node("MatMul", [columns, "weight"], ["NTC"]))
        before = "NTC"
        if self.axes != "NTC":
            order = ["NTC".index(axis) for axis in self.axes]
            nodes.append(helper.make_node("Transpose", ["NTC"], ["ordered"], perm=order))
            before = "ordered"
        axis = self.axes.index("C")
        if self.last:
            attributes = {"axis": axis} if "max" in self.last.lower() else {}
            nodes.append(make_node(self.last, [before], ["out"], **attributes))
        else:
            nodes[-1].output[0] = "out"
        sides: dict[str, int | str] = {"N": self.batch, "T": self.width, "C": CLASSES}
        shape_in = [self.batch, 3, self.height, self.width]
        if self.channels_last:
            shape_in = [self.batch, self.height, self.width, 3]
        graph = helper.make_graph(
            nodes,
            "toy",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape_in)],
            [helper.make_tensor_value_info("out", self.dtype, [sides[a] for a in self.axes])],
            constants,
        )
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        if dictionary is not None:
            helper.set_model_props(model, {METADATA_KEY: dictionary})
        onnx.save(model, path)
        return path


def probabilities(crops: np.ndarray, height: int = 48) -> np.ndarray:
    """What every form says, computed from the weights: [rows, steps, classes]."""
    weight = 3 * np.random.default_rng(5).normal(size=(3, CLASSES)).astype(np.float32)
    planes = (crops[..., ::-1].transpose(0, 3, 1, 2) / np.float32(255) - 0.5) / 0.5
    logits = planes.mean(2).transpose(0, 2, 1) @ weight
    exponentials = np.exp(logits - logits.max(2, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(2, keepdims=True))


FORMS = {
    "as PP-OCR": Form(),
    "steps first": Form(axes="TNC"),
    "classes in the middle": Form(axes="NCT", opset=13),
    "logits": Form(last=""),
    "logits, steps first": Form(axes="TNC", last=""),
    "logits of a newer opset": Form(last="", opset=17),
    "logarithms": Form(last="LogSoftmax"),
    "any height": Form(height="h"),
    "batch 1": Form(batch=1),
    "batch 4 and width 320": Form(batch=4, width=320),
    "one row, baked": Form(batch=1, baked=(1, -1)),
    "one row, baked, steps first": Form(batch=1, width=320, baked=(1, -1), axes="TNC", last=""),
    "one row, baked, of a newer opset": Form(batch=1, baked=(1, -1), channels_last=True, opset=13),
    "channels last": Form(channels_last=True),
    "channels last, steps first, width 100": Form(channels_last=True, axes="TNC", width=100),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_recogniser_of_any_form_gives_its_best_classes(form: Form, tmp_path: Path) -> None:
    checkpoint = form.write(tmp_path / "x.onnx")
    made = tmp_path / "made.onnx"
    facts = exports.recogniser(checkpoint, made)
    by_row = any(form.baked)
    changed = facts.get("changed", ())
    assert isinstance(changed, Collection) and ("row by row" in changed) == by_row
    assert facts["axes"] == ("NTC" if by_row else form.axes)
    crops = np.random.default_rng(1).integers(0, 255, (3, 48, 40, 3), np.uint8)
    session = onnxruntime.InferenceSession(str(made))
    index, probability, space = session.run(["index", "probability", "space"], {"crops": crops})
    wanted = probabilities(crops)
    assert np.array_equal(index, wanted.argmax(2)) and index.dtype == np.int32
    np.testing.assert_allclose(probability, wanted.max(2), atol=1e-5)
    np.testing.assert_allclose(space, wanted[:, :, 4], atol=1e-5)
    assert compare(EXPORTS["recogniser"], checkpoint, made).absolute < 1e-4


@pytest.mark.parametrize("height", [32, 40, 64])
def test_a_recogniser_of_lines_of_another_height_gets_them_resized(
    height: int, tmp_path: Path
) -> None:
    checkpoint = Form(height=height).write(tmp_path / "x.onnx")
    made = tmp_path / "made.onnx"
    assert exports.recogniser(checkpoint, made)["height"] == height
    assert compare(EXPORTS["recogniser"], checkpoint, made).absolute < 1e-4
    # Crops that are the same in every column are the same in every column of any size.
    column = np.random.default_rng(1).integers(0, 255, (2, 1, 1, 3), np.uint8)
    crops = np.broadcast_to(column, (2, 48, 96, 3))
    session = onnxruntime.InferenceSession(str(made))
    (index,) = session.run(["index"], {"crops": np.ascontiguousarray(crops)})
    assert index.shape == (2, 96 * height // 48)
    assert np.array_equal(index[:, 0], probabilities(crops)[:, 0].argmax(1))


def test_every_height_is_reached_by_its_factor() -> None:
    for height in range(8, 513):
        assert int(np.float32(48) * scale(height)) == height


REFUSED = {
    "baked sizes": (
        Form(batch=1, width=320, baked=(1, 320)),
        "expected a model for images of any batch and width, found one that runs at batch 1 and "
        "width 320 alone",
    ),
    "sigmoid": (Form(last="Sigmoid"), "found numbers from 0 to 1 with other sums"),
    "best classes": (
        Form(last="ArgMax", axes="NTC", dtype=TensorProto.INT64),
        "found int64 [3, 64, 1] for 3 rows of 64 pixels and int64 [2, 96, 1] for 2 of 96",
    ),
    "infinite": (Form(last="Log"), "found NaN or infinity for noise"),
}


@pytest.mark.parametrize(("form", "found"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_served_is_refused_at_plan(form: Form, found: str, tmp_path: Path) -> None:
    assert found in refused("recogniser", form.write(tmp_path / "x.onnx"))


def test_a_model_and_its_dictionary_are_refused_at_once(tmp_path: Path) -> None:
    told = refused("recogniser", Form(last="Sigmoid").write(tmp_path / "x.onnx", dictionary=None))
    assert "expected the dictionary in the metadata" in told and "other sums" in told
    told = refused("recogniser", Form().write(tmp_path / "x.onnx", dictionary="a"))
    assert "expected a dictionary for 5 classes, found 1 characters" in told


@pytest.mark.parametrize(
    ("shape", "kind", "found"),
    [
        (["n", 1, 48, "w"], TensorProto.FLOAT, "found float [n, 1, 48, w]"),
        (["n", 3, 48], TensorProto.FLOAT, "found float [n, 3, 48]"),
        (["n", 3, 48, "w"], TensorProto.FLOAT16, "found float16 [n, 3, 48, w]"),
        (["n", 48, "w", 3], TensorProto.UINT8, "found uint8 [n, 48, w, 3]"),
    ],
)
@pytest.mark.parametrize("export", ["detector", "classifier", "recogniser"])
def test_other_inputs_are_refused_at_plan(
    shape: list[int | str], kind: int, found: str, export: str, tmp_path: Path
) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "other",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, shape)],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "x.onnx")
    assert found in refused(export, tmp_path / "x.onnx")


def images(path: Path, nodes: list[onnx.NodeProto], **sizes: int) -> Path:
    """A model of images ``x`` whose output is ``y``; sizes that are not given are free."""
    axes = ["a", "b"] if any(each.op_type == "Flatten" for each in nodes) else [*"abcd"]
    shape = [sizes.get("batch", "n"), 3, sizes.get("height", "h"), sizes.get("width", "w")]
    graph = helper.make_graph(
        nodes,
        "images",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, axes)],
        [
            numpy_helper.from_array(np.array([[1, -2], [0, 1], [3, 1]], np.float32), "weight"),
            numpy_helper.from_array(np.array([4, -3, 2], np.float32).reshape(1, 3, 1, 1), "map"),
            numpy_helper.from_array(np.array([1, 1, 64, 96], np.int64), "shape"),
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def node(operator: str, inputs: str, output: str, **attributes: Attribute) -> onnx.NodeProto:
    return make_node(operator, inputs.split(), [output], **attributes)


VOTE = [
    node("GlobalAveragePool", "x", "means"),
    node("Flatten", "means", "flat"),
    node("MatMul", "flat weight", "logits"),
]


def over_channels(last: str) -> list[onnx.NodeProto]:
    return [node("Conv", "x map", "logits"), node(last, "logits", "y")]


@pytest.mark.parametrize("last", ["Sigmoid", "Identity"])
@pytest.mark.parametrize("sizes", [{}, {"batch": 1, "height": 64, "width": 64}])
def test_a_detectors_map_is_of_probabilities(
    last: str, sizes: dict[str, int], tmp_path: Path
) -> None:
    checkpoint = images(tmp_path / "x.onnx", over_channels(last), **sizes)
    made = tmp_path / "made.onnx"
    facts = exports.detector(checkpoint, made)
    assert facts["scores"] == ("probabilities" if last == "Sigmoid" else "logits of one class")
    assert compare(EXPORTS["detector"], checkpoint, made).absolute < 1e-4
    page = np.random.default_rng(2).integers(0, 255, (1, 32, 96, 3), np.uint8)
    (found,) = onnxruntime.InferenceSession(str(made)).run(None, {"page": page})
    planes = (page[..., ::-1].astype(np.float32) / 255 - 0.5) / 0.5
    wanted = 1 / (1 + np.exp(-planes @ np.array([4, -3, 2], np.float32)))
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-5)


@pytest.mark.parametrize("last", ["Softmax", "LogSoftmax", "Identity"])
@pytest.mark.parametrize("sizes", [{}, {"batch": 1, "height": 48, "width": 192}])
def test_a_classifiers_votes_are_probabilities(
    last: str, sizes: dict[str, int], tmp_path: Path
) -> None:
    checkpoint = images(tmp_path / "x.onnx", [*VOTE, node(last, "logits", "y")], **sizes)
    made = tmp_path / "made.onnx"
    exports.classifier(checkpoint, made)
    assert compare(EXPORTS["classifier"], checkpoint, made).absolute < 1e-4
    samples = np.random.default_rng(2).integers(0, 255, (3, 48, 192, 3), np.uint8)
    (found,) = onnxruntime.InferenceSession(str(made)).run(None, {"samples": samples})
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


def test_a_model_that_loops_for_ever_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "PATIENCE", 0.2)
    body = helper.make_graph(
        [node("Identity", "on", "go_on"), node("Identity", "here", "next")],
        "for_ever",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("here", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    always = helper.make_tensor("true", TensorProto.BOOL, [], [1])
    loop = [
        helper.make_node("Constant", [], ["true"], value=always),
        helper.make_node("Loop", ["", "true", "x"], ["y"], body=body),
    ]
    checkpoint = images(tmp_path / "x.onnx", loop)
    assert "runs on 1 images of 64x96 pixels, found: " in refused("detector", checkpoint)


def test_detectors_and_classifiers_of_another_kind_are_refused_at_plan(tmp_path: Path) -> None:
    votes = images(tmp_path / "votes.onnx", [*VOTE, node("Softmax", "logits", "y")])
    maps = images(tmp_path / "maps.onnx", over_channels("Sigmoid"))
    small = images(
        tmp_path / "small.onnx", [*VOTE, node("Softmax", "logits", "y")], height=80, width=160
    )
    fixed = [*over_channels("Sigmoid"), node("Reshape", "y shape", "z")]
    fixed[1].output[0], fixed[2].input[0], fixed[2].output[0] = "made", "made", "y"
    baked = images(tmp_path / "baked.onnx", fixed, batch=1, height=64, width=96)
    assert "[1, 1, 64, 96] for 1 images of 64x96, found float32 [1, 2]" in refused(
        "detector", votes
    )
    assert "of 48x192, found float32 [3, 1, 48, 192] for 3 images" in refused("classifier", maps)
    assert "found images of 80x160 as input" in refused("classifier", small)
    assert "runs at batch 1 and height 64 and width 96 alone" in refused("detector", baked)


def refused(export: str, checkpoint: Path) -> str:
    form = EXPORTS[export].form
    assert form is not None
    with pytest.raises(KitError) as refusal:
        form(checkpoint)
    told = str(refusal.value)
    assert str(checkpoint) in told and "\n" not in told
    return told
