from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper, numpy_helper

from builders.errors import NotDeclared
from builders.kit import onnx as kit
from builders.kit.build.parity import ParityError, compare
from builders.kit.build.parity_again import reproduce
from builders.kit.checkout import Checkout
from builders.kit.family import Export, Family, Parity
from builders.kit.graph import OnnxModel, PythonModel, Tensor
from repository.arrays import Arrays, DType
from repository.families.places import Place

Floats = npt.NDArray[np.float32]

FLOAT = TensorProto.FLOAT
SIZES = (4, 7, 2)


def write(path: Path, divisor: float | None, *, axis: str | int = "n") -> None:
    """Mean over the second axis; with a divisor, the sum over a length taken for a constant."""
    if divisor is None:
        nodes = [helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=0)]
        weights = []
    else:
        nodes = [
            helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0),
            helper.make_node("Div", ["sum", "length"], ["mean"]),
        ]
        weights = [
            numpy_helper.from_array(np.array([1]), "axes"),
            numpy_helper.from_array(np.array(divisor, np.float32), "length"),
        ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, ["batch", axis])],
        [helper.make_tensor_value_info("mean", FLOAT, ["batch"])],
        weights,
    )
    kit.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


def examples(*sizes: int, batches: tuple[int, ...] = (1, 2, 3)) -> list[dict[str, Floats]]:
    rng = np.random.default_rng(0)
    return [
        {"x": rng.normal(size=(batch, size)).astype(np.float32)}
        for batch, size in zip(batches, sizes, strict=False)
    ]


def mean(checkpoint: Path, inputs: Arrays) -> Arrays:
    return {"mean": inputs["x"].mean(axis=1)}


def export(
    reference: Callable[[Path, Arrays], Arrays] = mean, inputs: Sequence[Arrays] | None = None
) -> Export:
    given = examples(*SIZES) if inputs is None else inputs
    parity = Parity(reference=reference, inputs=lambda: given, absolute=1e-6, relative=1e-5)
    return Export(
        name="pool", source="model", make=lambda checkpoint, out: {}, options={}, parity=parity
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    write(tmp_path / "pool.onnx", None)
    return tmp_path / "pool.onnx"


def test_an_equal_export_passes_and_its_differences_are_recorded(made: Path) -> None:
    result = compare(export(), made, made)
    shapes = [difference.inputs["x"] for difference in result.differences]
    assert shapes == [(1, 4), (2, 7), (3, 2)]
    assert result.absolute <= 1e-6
    assert result.facts()["differences"][0]["output"] == "mean"


def test_two_comparisons_give_the_same_figures(made: Path) -> None:
    assert compare(export(), made, made) == compare(export(), made, made)


def test_an_export_specialised_on_its_example_is_caught(tmp_path: Path) -> None:
    """Right at the example's length of 4; at others the frozen divisor shows."""
    write(tmp_path / "pool.onnx", SIZES[0])
    with pytest.raises(ParityError) as caught:
        compare(export(), tmp_path, tmp_path / "pool.onnx", family="pooling")
    message = str(caught.value)
    assert "x [1, 4]" not in message
    assert "export 'pool', output 'mean', inputs x [2, 7]: allowed 1e-06 absolute" in message
    assert "x [3, 2]" in message
    assert "python -m builders parity pooling pool" in message


def test_an_export_with_a_frozen_axis_is_caught(tmp_path: Path) -> None:
    write(tmp_path / "pool.onnx", None, axis=4)
    with pytest.raises(ParityError, match=r"inputs x \[2, 7\]: onnxruntime failed"):
        compare(export(), tmp_path, tmp_path / "pool.onnx")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "found 0 shapes"),
        (examples(4, 7), "at least 2 unseen ones, found 2 shapes"),
        (examples(4, 7, 7, batches=(1, 2, 2)), r"found x \[2, 7\] twice"),
        (examples(4, 7, 2, batches=(1, 1, 1)), "sizes of the dynamic axis 0 of 'x', found only 1"),
        ([{"y": np.zeros((1, 4), np.float32)}] * 3, "expected inputs x, found y"),
    ],
)
def test_examples_that_prove_too_little_are_refused(
    made: Path, inputs: list[Arrays], message: str
) -> None:
    with pytest.raises(ParityError, match=message):
        compare(export(inputs=inputs), made, made)


def test_an_example_of_nan_alone_proves_nothing(made: Path) -> None:
    inputs = examples(*SIZES)
    inputs[1]["x"][0, 0] = np.nan  # one of its two rows
    compare(export(inputs=inputs), made, made)
    inputs[1]["x"][:] = np.nan
    with pytest.raises(ParityError, match=r"example 2, inputs x \[2, 7\]: .* found NaN alone"):
        compare(export(inputs=inputs), made, made)


def test_an_axis_that_has_one_right_size_need_not_vary(made: Path) -> None:
    one = export(inputs=examples(4, 7, 2, batches=(1, 1, 1)))
    parity = one.parity
    assert parity is not None
    compare(replace(one, parity=replace(parity, fixed=(("x", 0),))), made, made)
    with pytest.raises(ParityError, match="sizes of the dynamic axis 0 of 'x', found only 1"):
        compare(replace(one, parity=replace(parity, fixed=(("x", 1),))), made, made)


def test_examples_of_another_dtype_are_a_clear_error(made: Path) -> None:
    inputs = [{"x": each["x"].astype(np.float64)} for each in examples(*SIZES)]
    with pytest.raises(ParityError, match=r"inputs x \[1, 4\]: onnxruntime failed"):
        compare(export(inputs=inputs), made, made)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda mean: {}, "output 'mean' has no reference"),
        (lambda mean: {"mean": mean, "more": mean}, "expected an output 'more', found mean"),
        (lambda mean: {"mean": mean[:, None]}, r"expected the shape \[1, 1\], found \[1\]"),
        (lambda mean: {"mean": mean.astype(np.int64)}, "expected integers .int64., found real"),
        (
            lambda mean: {"mean": np.full_like(mean, np.nan)},
            "expected 1 NaN or infinite .* found 0",
        ),
        (lambda mean: {"mean": mean + 2e-6}, "allowed 1e-06 absolute"),
    ],
)
def test_any_other_difference_fails(
    made: Path, change: Callable[[np.ndarray], Arrays], message: str
) -> None:
    def reference(checkpoint: Path, inputs: Arrays) -> Arrays:
        return change(inputs["x"].mean(axis=1))

    with pytest.raises(ParityError, match=message):
        compare(export(reference), made, made)


def test_the_relative_bound_holds_alone(made: Path) -> None:
    """A loose absolute bound does not let a small output be wrong."""
    small = [{"x": each["x"] * 1e-9} for each in examples(*SIZES)]
    wrong = export(lambda checkpoint, inputs: {"mean": inputs["x"].mean(axis=1) * 2}, small)
    with pytest.raises(ParityError, match=r"and 1e-05 relative, found \S+ and 0\.5"):
        compare(wrong, made, made)


def test_bounds_by_output_hold_those_they_name_and_none_may_go_without(made: Path) -> None:
    wrong = export(lambda checkpoint, inputs: {"mean": inputs["x"].mean(axis=1) + 1e-3})
    parity = wrong.parity
    assert parity is not None

    def bounded(**bounds: Any) -> Export:
        return replace(wrong, parity=replace(parity, **bounds))

    loose = compare(bounded(absolute={"mean": 1e-2}, relative={"other": 1e-9}), made, made)
    assert 0.9e-3 < loose.absolute < 1.1e-3
    assert loose.allowed == "absolute 0.01 of mean, relative 1e-09 of other"
    with pytest.raises(ParityError, match=r"allowed 0\.0001 absolute and inf relative"):
        compare(bounded(absolute={"mean": 1e-4}, relative={}), made, made)
    with pytest.raises(ParityError, match=r"output 'mean'.* expected a bound, found none"):
        compare(bounded(absolute={}, relative={"other": 1.0}), made, made)


def test_a_reference_that_follows_gets_what_was_found(made: Path) -> None:
    seen: list[Arrays] = []

    def following(checkpoint: Path, inputs: Arrays, found: Arrays) -> Arrays:
        seen.append(found)
        return mean(checkpoint, inputs)

    def never(checkpoint: Path, inputs: Arrays) -> Arrays:
        raise AssertionError

    other = export(never)
    assert other.parity is not None
    followed = replace(other.parity, following=following)
    assert compare(replace(other, parity=followed), made, made).absolute <= 1e-6
    for found, inputs in zip(seen, examples(*SIZES), strict=True):
        ours, theirs = (
            np.asarray(each["mean"], np.float32) for each in (found, mean(made, inputs))
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert followed.functions == (following, followed.inputs)
    assert other.parity.functions == (never, other.parity.inputs)


def test_nan_and_infinity_in_the_same_places_pass(made: Path) -> None:
    inputs = [{"x": each["x"].copy()} for each in examples(*SIZES)]
    inputs[1]["x"][0, 0] = np.nan
    inputs[2]["x"][1, 0] = np.inf
    assert compare(export(inputs=inputs), made, made).absolute <= 1e-6


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (TensorProto.STRING, "expected equal texts, found 2 different ones"),
        (TensorProto.BOOL, "expected equal truth values, found 2 of 2 to be others"),
        (TensorProto.INT32, "expected equal integers, found 2 of 2 to be others"),
    ],
)
def test_texts_truth_values_and_integers_have_to_be_equal(
    tmp_path: Path, dtype: int, kind: str
) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", dtype, ["n"])],
        [helper.make_tensor_value_info("y", dtype, ["n"])],
    )
    opsets = [helper.make_opsetid("", 17)]
    kit.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    values: dict[int, np.ndarray] = {
        TensorProto.STRING: np.array(["a", "", "ü"], object),
        TensorProto.BOOL: np.array([True, False, True]),
        # A bound on real numbers, however loose, is none on these.
        TensorProto.INT32: np.array([10_000_000, 10_000_001, 10_000_000], np.int32),
    }
    arrays = [values[dtype][:n] for n in (1, 2, 3)]
    same = export(lambda _, inputs: {"y": inputs["x"]}, [{"x": each} for each in arrays])
    assert compare(same, tmp_path, tmp_path / "m.onnx").absolute == 0
    turned = export(lambda _, inputs: {"y": inputs["x"][::-1]}, [{"x": each} for each in arrays])
    with pytest.raises(ParityError, match=kind):
        compare(turned, tmp_path, tmp_path / "m.onnx")


def test_what_onnxruntime_does_not_load_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(ParityError, match="expected a model that onnxruntime"):
        compare(export(), tmp_path, tmp_path / "m.onnx")


def test_an_export_without_parity_is_refused(made: Path) -> None:
    with pytest.raises(ParityError, match="expected a Parity"):
        compare(replace(export(), parity=None), made, made)


def test_the_command_makes_the_export_anew(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(checkpoint: Path, out: Path) -> dict[str, object]:
        assert checkpoint == made
        write(out, SIZES[0])
        return {}

    x = Tensor("x", DType.FP32, {"rows": -1, "columns": -1})
    pool = OnnxModel(name="pool", inputs=(x,), outputs=(), export=replace(export(), make=make))
    keys = Export.file("keys", source="model", make=make)
    read = PythonModel(name="read", inputs=(x,), outputs=(), stage="read", exports=(keys,))
    family = Family(
        name="pooling", sources={"model": f"path:{made}"}, pipelines=(pool, read), metrics=()
    )
    monkeypatch.setattr(Checkout, "load", lambda self, name: {"pooling": family}[name])
    place = Place(made.parent, "pooling", {}, "here")
    monkeypatch.setattr(Checkout, "place", lambda self, name: {"pooling": place}[name])
    with pytest.raises(ParityError, match="python -m builders parity pooling pool"):
        reproduce("pooling", "pool")
    with pytest.raises(NotDeclared, match=r"with a parity: pool, found 'keys'"):
        reproduce("pooling", "keys")


def test_a_family_that_a_profile_configures_is_compared_in_a_build() -> None:
    with pytest.raises(NotDeclared, match=r"models a profile declares.*task 'parity onnx/scorer'"):
        reproduce("onnx", "scorer")
