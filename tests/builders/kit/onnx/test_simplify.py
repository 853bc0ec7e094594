import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from builders.kit import onnx as kit

MODELS = Path(str(distribution("rapidocr").locate_file("rapidocr/models")))
DETECTOR = MODELS / "PP-OCRv6_det_small.onnx"
RECOGNISER = MODELS / "PP-OCRv6_rec_small.onnx"
CLASSIFIER = MODELS / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"
FLOAT = TensorProto.FLOAT


def run(model: ModelProto, **inputs: np.ndarray) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return list(session.run(None, inputs))


def relu(opset: int, *, operator: str = "Relu") -> ModelProto:
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", FLOAT, ["n", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.metadata_props.add(key="character", value="abc")
    return model


@pytest.mark.parametrize(
    ("opset", "expected"), [(5, 7), (7, 7), (11, 11), (20, 20), (21, 20), (24, 20)]
)
def test_the_opset_comes_into_range(opset: int, expected: int) -> None:
    converted = kit.convert_opset(relu(opset), newest=20)
    assert kit.opset(converted) == expected
    assert converted.metadata_props[0].value == "abc"
    x = np.array([[-1, 0, 1, 2]], np.float32)
    assert run(converted, x=x)[0].tolist() == [[0, 0, 1, 2]]


def test_an_operator_that_the_opset_lacks_is_a_clear_error() -> None:
    with pytest.raises(kit.OnnxError, match=r"expected opset 7 to 17, found 20.*Gelu"):
        kit.convert_opset(relu(20, operator="Gelu"), newest=17)


def test_simplify_folds_and_keeps_names_axes_and_metadata() -> None:
    constants = [
        numpy_helper.from_array(np.array(value, np.float32), name)
        for name, value in (("two", 2), ("three", 3))
    ]
    graph = helper.make_graph(
        [
            helper.make_node("Identity", ["x"], ["same"]),
            helper.make_node("Mul", ["two", "three"], ["six"]),
            helper.make_node("Mul", ["same", "six"], ["y"]),
            helper.make_node("Sqrt", ["same"], ["nobody_reads_this"]),
        ],
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, ["batch", "width"])],
        [helper.make_tensor_value_info("y", FLOAT, ["batch", "width"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    model.metadata_props.add(key="character", value="abc")
    before = model.SerializeToString(deterministic=True)

    slim = kit.simplify(model)

    assert model.SerializeToString(deterministic=True) == before
    assert [node.op_type for node in slim.graph.node] == ["Mul"]
    assert slim.graph.input == model.graph.input
    assert slim.graph.output == model.graph.output
    assert [p.value for p in slim.metadata_props] == ["abc"]
    assert slim.ir_version == 9


def test_a_failure_of_onnxslim_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(model: ModelProto) -> ModelProto:
        raise IndexError("list index out of range")

    monkeypatch.setattr("onnxslim.slim", fail)
    with pytest.raises(kit.OnnxError, match="IndexError: list index out of range"):
        kit.simplify(relu(20))


def test_a_changed_interface_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(model: ModelProto) -> ModelProto:
        del model.graph.output[:]
        return model

    monkeypatch.setattr("onnxslim.slim", lose)
    with pytest.raises(kit.OnnxError, match="keep the outputs y"):
        kit.simplify(relu(20))


NORMALISE: dict[Path, Callable[[], tuple[ModelProto, kit.Normalised]]] = {
    DETECTOR: lambda: kit.normalise(
        kit.load(DETECTOR),
        newest_opset=20,
        inputs={"x": "image"},
        outputs={"fetch_name_0": "map"},
        axes={"image": {0: "batch", 2: "height", 3: "width"}},
    ),
    RECOGNISER: lambda: kit.normalise(
        kit.load(RECOGNISER),
        newest_opset=20,
        inputs={"x": "image"},
        outputs={"fetch_name_0": "scores"},
        axes={"image": {0: "batch", 3: "width"}, "scores": {1: "steps"}},
    ),
    CLASSIFIER: lambda: kit.normalise(
        kit.load(CLASSIFIER),
        newest_opset=20,
        inputs={"x": "image"},
        outputs={"save_infer_model/scale_0.tmp_1": "scores"},
        axes={"image": {0: "batch", 2: "height", 3: "width"}, "scores": {0: "batch"}},
    ),
}


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("path", "flushed", "shape", "tolerance"),
    [
        (DETECTOR, 255_958, (1, 3, 96, 160), 0),
        (RECOGNISER, 241, (2, 3, 48, 96), 0),
        # onnxslim folds its batch normalisations into the convolutions, which rounds anew.
        (CLASSIFIER, 0, (2, 3, 48, 192), 1e-6),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else "",
)
def test_normalising_keeps_the_outputs(
    path: Path, flushed: int, shape: tuple[int, ...], tolerance: float
) -> None:
    model, done = NORMALISE[path]()
    assert done.subnormals_flushed == flushed
    assert done.nodes < done.nodes_found
    onnx.checker.check_model(model, full_check=True)
    x = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    stock = kit.load(path)
    np.testing.assert_allclose(run(model, image=x)[0], run(stock, x=x)[0], rtol=0, atol=tolerance)


@pytest.mark.thorough
def test_threads_get_what_one_alone_gets() -> None:
    def once(path: Path) -> bytes:
        return NORMALISE[path]()[0].SerializeToString(deterministic=True)

    paths = [DETECTOR, CLASSIFIER]
    alone = [once(path) for path in paths]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(once, [*paths, *paths])) == [*alone, *alone]


@pytest.mark.thorough
def test_two_runs_with_other_hash_seeds_write_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from builders.kit import onnx as kit\n"
        "model, _ = kit.normalise(kit.load(Path(sys.argv[1])), newest_opset=20,"
        " inputs={'x': 'image'}, axes={'image': {0: 'batch'}})\n"
        "kit.save(model, Path(sys.argv[2]))\n"
    )
    digests = set()
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.onnx"
        subprocess.run(
            [sys.executable, "-c", code, str(CLASSIFIER), str(out)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1
