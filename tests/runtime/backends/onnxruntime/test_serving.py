"""The stand-in on a real Triton: the same numbers as ONNX Runtime in process."""

from __future__ import annotations

import queue
import re
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from runtime.server.server import LocalServer
from tests.runtime.backends.onnxruntime.toys import Load, Toys
from tests.runtime.fixtures import WaitUntil

Answer = tuple[int, triton_grpc.InferResult | None, InferenceServerException | None]
"""A request's number, and what came of it."""

DYNAMIC = {"dynamic_batching": {"max_queue_delay_microseconds": 200_000}}

NUMBERS = [
    (TensorProto.BOOL, "BOOL", np.bool_),
    (TensorProto.UINT8, "UINT8", np.uint8),
    (TensorProto.UINT16, "UINT16", np.uint16),
    (TensorProto.UINT32, "UINT32", np.uint32),
    (TensorProto.UINT64, "UINT64", np.uint64),
    (TensorProto.INT8, "INT8", np.int8),
    (TensorProto.INT16, "INT16", np.int16),
    (TensorProto.INT32, "INT32", np.int32),
    (TensorProto.INT64, "INT64", np.int64),
    (TensorProto.FLOAT16, "FP16", np.float16),
    (TensorProto.FLOAT, "FP32", np.float32),
    (TensorProto.DOUBLE, "FP64", np.float64),
]


def in_process(model: bytes, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def extremes(dtype: type) -> np.ndarray:
    """A [4, 3] array with the type's limits, and NaN and infinities where it has them."""
    if dtype is np.bool_:
        return np.array([[0, 1, 1], [1, 0, 1]] * 2, np.bool_)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return np.array([[limits.min, limits.max, 0], [1, 2, 3]] * 2, dtype)
    floats = np.finfo(dtype)
    special = [[floats.min, floats.max, floats.tiny], [np.nan, np.inf, -np.inf], [-0.0, 1.5, 0]]
    return np.array([*special, [1, 2, 3]], dtype)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("element", "name", "dtype"), NUMBERS, ids=[n for _, n, _ in NUMBERS])
def test_numbers(element: int, name: str, dtype: type, toys: Toys, load: Load) -> None:
    """Moved about bit by bit, and rounded through FP32 and back, in batches and without."""
    axes: tuple[str | int, ...] = ("batch", 3)
    model = toys.onnx(
        {"x": (element, axes)},
        {"same": (element, axes), "turned": (element, [3, "batch"]), "cast": (1, axes)},
        [
            helper.make_node("Identity", ["x"], ["same"]),
            helper.make_node("Transpose", ["x"], ["turned"]),
            helper.make_node("Cast", ["x"], ["cast"], to=TensorProto.FLOAT),
        ],
    )
    batched = load(
        toys.config({"x": (name, [3])}, {"same": (name, [3]), "cast": ("FP32", [3])}, 4), model
    )
    whole = load(
        toys.config({"x": (name, [-1, 3])}, {"same": (name, [-1, 3]), "turned": (name, [3, -1])}),
        model,
    )
    x = extremes(dtype)
    expected = in_process(model, x=x)
    for answer in (batched(x=x), whole(x=x)):
        for output, array in answer.items():
            assert array.dtype == expected[output].dtype
            assert array.tobytes() == expected[output].tobytes(), output
    assert batched(x=x).keys() == {"same", "cast"}
    assert whole(x=x[:0])["turned"].shape == (3, 0)


def test_strings(toys: Toys, load: Load) -> None:
    model = toys.onnx(
        {"x": (TensorProto.STRING, ["batch", 2])},
        {"y": (TensorProto.STRING, ["batch", 2])},
        [helper.make_node("Identity", ["x"], ["y"])],
    )
    config = toys.config({"x": ("STRING", [2])}, {"y": ("STRING", [2])}, 4, **DYNAMIC)
    served = load(config, model)
    words = np.array([["", "ü — 語"], ["a b", "\U0001f600" * 100]], np.object_)
    sent = np.array([[word.encode() for word in row] for row in words], np.object_)
    assert served(x=sent)["y"].tolist() == sent.tolist()
    assert served(x=np.array([[b"one\0two", b"\0"]], np.object_))["y"].tolist() == [[b"one", b""]]
    with pytest.raises(InferenceServerException, match="input 'x' is not valid UTF-8"):
        served(x=np.array([[b"\xff", b""]], np.object_))


def test_no_strings_at_all(toys: Toys, load: Load) -> None:
    model = toys.identity(TensorProto.STRING, ["n"])
    served = load(toys.config({"x": ("STRING", [-1])}, {"y": ("STRING", [-1])}), model)
    assert served(x=np.array([], np.object_))["y"].shape == (0,)


def affine(toys: Toys) -> bytes:
    """y = 2 x + 1, z = the rows' sums."""
    return toys.onnx(
        {"x": (1, ["batch", "width"])},
        {"y": (1, ["batch", "width"]), "z": (1, ["batch"])},
        [
            helper.make_node("Mul", ["x", "two"], ["xx"]),
            helper.make_node("Add", ["xx", "one"], ["y"]),
            helper.make_node("ReduceSum", ["x", "axis"], ["z"], keepdims=0),
        ],
        {
            "two": np.array(2, np.float32),
            "one": np.array(1, np.float32),
            "axis": np.array([1], np.int64),
        },
    )


def affine_config(toys: Toys, **fields: Any) -> dict[str, Any]:
    config = toys.config(
        {"x": ("FP32", [-1])}, {"y": ("FP32", [-1]), "z": ("FP32", [1])}, 16, **fields
    )
    config["output"][1]["reshape"] = {"shape": []}
    return config


def test_requests_are_joined_and_split_again(toys: Toys, load: Load, wait_until: WaitUntil) -> None:
    """Sixty requests at once, of 1 to 4 rows, two widths by tens, and different outputs."""
    served = load(affine_config(toys, **DYNAMIC), affine(toys))
    generator = np.random.default_rng(5)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    sent = []
    for index in range(60):
        shape = (int(generator.integers(1, 5)), (3, 8)[index // 10 % 2])
        x = generator.normal(size=shape).astype(np.float32)
        wanted = [["y", "z"], ["y"], ["z"]][index % 3]
        sent.append((x, wanted))
        served.client.async_infer(
            served.name,
            served.tensors({"x": x}),
            lambda result, error, index=index: answers.put((index, result, error)),
            outputs=[triton_grpc.InferRequestedOutput(name) for name in wanted],
        )
    for _ in sent:
        index, result, error = answers.get(timeout=60)
        assert error is None and result is not None
        x, wanted = sent[index]
        found = served.arrays(result)
        assert list(found) == wanted
        if "y" in found:
            np.testing.assert_array_equal(found["y"], 2 * x + 1)
        if "z" in found:
            assert found["z"].shape == (len(x), 1)
            np.testing.assert_allclose(found["z"][:, 0], x.sum(1), rtol=1e-5, atol=1e-5)
    rows = sum(len(x) for x, _ in sent)
    # Triton answers first, and counts then.
    wait_until(lambda: served.counts()[0] >= rows)
    counted, runs = served.counts()
    assert counted == rows
    assert runs < len(sent) / 2


def looked_up(toys: Toys) -> bytes:
    """y = x + the sum of the table's entries: fails where an index is not in the table."""
    return toys.onnx(
        {"x": (1, ["batch", 6]), "index": (7, ["batch", 3])},
        {"y": (1, ["batch", 6])},
        [
            helper.make_node("Gather", ["table", "index"], ["picked"]),
            helper.make_node("ReduceSum", ["picked", "axis"], ["sums"]),
            helper.make_node("Add", ["x", "sums"], ["y"]),
        ],
        {
            "axis": np.array([1], np.int64),
            "table": np.arange(5, dtype=np.float32),
        },
    )


def test_a_bad_request_fails_alone(toys: Toys, load: Load, wait_until: WaitUntil) -> None:
    """An index out of the table's range fails the joined run."""
    config = toys.config(
        {"x": ("FP32", [6]), "index": ("INT64", [3])}, {"y": ("FP32", [6])}, 16, **DYNAMIC
    )
    served = load(config, looked_up(toys))
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for index in range(8):
        picked = np.full((1, 3), 99 if index == 5 else index % 5, np.int64)
        served.client.async_infer(
            served.name,
            served.tensors({"x": np.full((1, 6), index, np.float32), "index": picked}),
            lambda result, error, index=index: answers.put((index, result, error)),
        )
    for _ in range(8):
        index, result, error = answers.get(timeout=60)
        if index == 5:
            assert error is not None and error.status() == "StatusCode.INVALID_ARGUMENT"
            assert error.message() == (
                "the model cannot run on 'x' float32 [1, 6], 'index' int64 [1, 3]: "
                "a Gather node failed"
            )
        else:
            assert error is None and result is not None
            assert served.arrays(result)["y"].tolist() == [[index + 3.0 * (index % 5)] * 6]
    wait_until(lambda: served.counts()[0] >= 7)
    rows, runs = served.counts()
    assert runs < rows


def counted(triton: LocalServer, name: str) -> dict[str, float]:
    """What Triton counted of a model: ``success`` and, by their reasons, failures."""
    with urllib.request.urlopen(f"http://{triton.metrics}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return {
        labels.get("reason", "success"): float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(("nv_inference_request_success{", "nv_inference_request_failure{"))
        for labels in [dict(re.findall(r'(\w+)="([^"]*)"', line))]
        if labels["model"] == name
    }


def test_failed_requests_are_counted_as_failures(
    toys: Toys, load: Load, triton: LocalServer, wait_until: WaitUntil
) -> None:
    """As with the C++ backend: reason BACKEND, no success, and INTERNAL to the client."""
    served = load(*threes(toys))
    served(x=np.ones((1, 3), np.float32))
    tensor = triton_http.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 4), np.float32))
    client = triton_http.InferenceServerClient(triton.http)
    with pytest.raises(InferenceServerException) as failure:
        client.infer(served.name, [tensor])
    client.close()
    assert failure.value.status() == "500"
    text = failure.value.message() or ""
    assert "the model cannot run on 'x' float32 [1, 4]: a Reshape node failed" in text
    assert "/" not in text
    # Triton answers first, and counts then.
    wait_until(lambda: counted(triton, served.name)["BACKEND"] > 0)
    counts = counted(triton, served.name)
    assert (counts["success"], counts["BACKEND"]) == (1, 1)
    statistics = served.client.get_inference_statistics(served.name).model_stats[0]
    assert statistics.inference_stats.success.count == statistics.inference_stats.fail.count == 1


def threes(toys: Toys) -> tuple[dict[str, Any], bytes]:
    """x cut into rows of three: fails where its width is not three times something."""
    config = toys.config({"x": ("FP32", [-1])}, {"y": ("FP32", [3])}, 4)
    model = toys.onnx(
        {"x": (1, ["batch", "width"])},
        {"y": (1, ["rows", 3])},
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        {"shape": np.array([-1, 3], np.int64)},
    )
    return config, model


def test_rows_beyond_the_batch_are_dropped_as_by_the_c_plus_plus_backend(
    toys: Toys, load: Load, triton: LocalServer, wait_until: WaitUntil
) -> None:
    """Nothing shows them before a request has them: its answer is cut, and the log says so."""
    served = load(*threes(toys))
    assert served(x=np.ones((1, 3), np.float32))["y"].shape == (1, 3)
    x = np.arange(6, dtype=np.float32).reshape(1, 6)
    assert served(x=x)["y"].tolist() == [[0, 1, 2]]
    told = "[2, 3] has more rows than the batch, 1"
    wait_until(lambda: any(told in line for line in triton.log_lines))


def doubled(toys: Toys) -> bytes:
    """x twice over: two rows for each row."""
    return toys.onnx(
        {"x": (1, ["batch", 3])},
        {"y": (1, ["rows", 3])},
        [helper.make_node("Concat", ["x", "x"], ["y"], axis=0)],
    )


def picked(toys: Toys) -> bytes:
    """The places of what is not zero: as many rows as the values say."""
    return toys.onnx(
        {"x": (1, ["batch", 3])},
        {"y": (TensorProto.INT64, ["rows", 2])},
        [
            helper.make_node("NonZero", ["x"], ["places"]),
            helper.make_node("Transpose", ["places"], ["y"]),
        ],
    )


def scaled(toys: Toys) -> bytes:
    """x times a scalar."""
    return toys.onnx(
        {"x": (1, ["batch", 3]), "factor": (1, [])},
        {"y": (1, ["batch", 3])},
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
    )


def summed(toys: Toys) -> bytes:
    """The sum of all rows, without a declared shape."""
    return toys.onnx(
        {"x": (1, ["batch", 3])},
        {"y": (1, None)},
        [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)],
    )


@pytest.mark.parametrize(
    ("make", "output", "rule", "found"),
    [
        (doubled, ("FP32", [3]), "cut-output", "4 rows for a batch of 2"),
        (picked, ("INT64", [2]), "cut-output", "0 rows for a batch of 2"),
        (scaled, ("FP32", [3]), "scalar-with-batching", "a scalar"),
        (summed, ("FP32", [1]), "scalar-with-batching", "a scalar"),
    ],
)
def test_what_the_c_plus_plus_backend_answers_wrongly_is_refused(
    make: Callable[[Toys], bytes],
    output: tuple[str, list[int]],
    rule: str,
    found: str,
    toys: Toys,
    load: Load,
) -> None:
    inputs = {"x": ("FP32", [3])} | ({"factor": ("FP32", [1])} if make is scaled else {})
    config = toys.config(inputs, {"y": output}, 4)
    with pytest.raises(InferenceServerException, match=rf"\[{rule}\].*{found}"):
        load(config, make(toys))


def test_rows_that_only_a_run_shows_to_be_the_batch(toys: Toys, load: Load) -> None:
    """Unnamed, and yet the batch: it loads, and answers."""
    model = toys.onnx(
        {"x": (1, ["batch", 3])},
        {"y": (1, [None, 3])},
        [helper.make_node("Identity", ["x"], ["y"])],
    )
    served = load(toys.plain(), model)
    assert served(x=np.ones((2, 3), np.float32))["y"].shape == (2, 3)


def test_scalars_and_rows_of_the_batch(toys: Toys, load: Load) -> None:
    scalar = load(
        toys.config({"x": ("FP32", [1])}, {"y": ("FP32", [1, 1])}), toys.identity(axes=[])
    )
    assert scalar(x=np.array([7], np.float32))["y"].tolist() == [[7]]
    config = toys.config({"x": ("FP32", [1])}, {"y": ("FP32", [1])}, 4, **DYNAMIC)
    config["input"][0]["reshape"] = config["output"][0]["reshape"] = {"shape": []}
    row = load(config, toys.identity(axes=["batch"]))
    assert row(x=np.array([[7], [8]], np.float32))["y"].tolist() == [[7], [8]]


def test_reshape(toys: Toys, load: Load) -> None:
    config = toys.config({"x": ("FP32", [6])}, {"y": ("FP32", [3, 2])}, 4)
    config["input"][0]["reshape"] = {"shape": [2, 3]}
    config["output"][0]["reshape"] = {"shape": [2, 3]}
    served = load(config, toys.identity(axes=["batch", 2, 3]))
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_array_equal(served(x=x)["y"], x.reshape(2, 3, 2))


def test_an_input_with_an_initializer_may_be_left_out(toys: Toys, load: Load) -> None:
    model = toys.onnx(
        {"x": (1, [2]), "weight": (1, [2])},
        {"y": (1, [2])},
        [helper.make_node("Mul", ["x", "weight"], ["y"])],
        {"weight": np.array([5, 6], np.float32)},
    )
    config = toys.config({"x": ("FP32", [2]), "weight": ("FP32", [2])}, {"y": ("FP32", [2])})
    config["input"][1]["optional"] = True
    served = load(config, model)
    x = np.array([1, 2], np.float32)
    assert served(x=x)["y"].tolist() == [5, 12]
    assert served(x=x, weight=x)["y"].tolist() == [1, 4]


def test_an_optional_input_that_the_model_needs(toys: Toys, load: Load) -> None:
    """The counts balance, so the backend loads it; requests without it fail."""
    model = toys.onnx(
        {"x": (1, [2]), "weight": (1, [2])},
        {"y": (1, [2])},
        [helper.make_node("Mul", ["x", "weight"], ["y"])],
        {"weight": np.array([5, 6], np.float32)},
    )
    config = toys.config({"x": ("FP32", [2]), "weight": ("FP32", [2])}, {"y": ("FP32", [2])})
    config["input"][0]["optional"] = True
    served = load(config, model)
    x = np.array([1, 2], np.float32)
    with pytest.raises(InferenceServerException, match="input 'x' is missing") as failure:
        served(weight=x)
    assert failure.value.status() == "StatusCode.INTERNAL"


@pytest.mark.parametrize("file", ["model.onnx", "model.onnx/model.onnx", "net.onnx"])
def test_where_the_file_lies(file: str, toys: Toys, load: Load) -> None:
    fields = {"default_model_filename": "net.onnx"} if file == "net.onnx" else {}
    served = load(toys.plain(**fields), toys.identity(), file=file)
    assert served(x=np.ones((1, 3), np.float32))["y"].tolist() == [[1, 1, 1]]


def test_external_data(toys: Toys, load: Load, tmp_path: Path) -> None:
    weight = np.random.default_rng(1).normal(size=(64, 64)).astype(np.float32)
    model = toys.onnx(
        {"x": (1, ["batch", 64])},
        {"y": (1, ["batch", 64])},
        [helper.make_node("MatMul", ["x", "weight"], ["y"])],
    )
    loaded = onnx.load_model_from_string(model)
    loaded.graph.initializer.append(onnx.numpy_helper.from_array(weight, "weight"))
    onnx.save_model(
        loaded, tmp_path / "model.onnx", save_as_external_data=True, location="weight.bin"
    )
    served = load(
        toys.config({"x": ("FP32", [64])}, {"y": ("FP32", [64])}, 4),
        (tmp_path / "model.onnx").read_bytes(),
        file="model.onnx/model.onnx",
        **{"file:1/model.onnx/weight.bin": (tmp_path / "weight.bin").read_bytes()},
    )
    x = np.ones((1, 64), np.float32)
    np.testing.assert_allclose(served(x=x)["y"], x @ weight, rtol=1e-4, atol=1e-5)


def test_a_models_own_modules_are_not_the_backends(toys: Toys, load: Load) -> None:
    """A version folder with files of the names that the backend uses."""
    trap = b"raise RuntimeError('the wrong file')"
    names = ("model", "session", "batch", "rules", "onnxruntime_backend", "onnxruntime")
    served = load(toys.plain(), toys.identity(), **{f"file:1/{name}.py": trap for name in names})
    assert served(x=np.ones((1, 3), np.float32))["y"].shape == (1, 3)


def test_settings_change_no_number(toys: Toys, load: Load) -> None:
    settings = {
        "intra_op_thread_count": "1",
        "inter_op_thread_count": "2",
        "execution_mode": "1",
        "enable_mem_arena": "0",
        "enable_mem_pattern": "0",
        "memory.enable_memory_arena_shrinkage": "cpu:0",
        "session.use_device_allocator_for_initializers": "1",
    }
    config = affine_config(
        toys,
        parameters={key: {"string_value": value} for key, value in settings.items()},
        optimization={"graph": {"level": -1}},
        instance_group=[{"kind": "KIND_CPU", "count": 2}],
        model_warmup=[
            {
                "name": "zeros",
                "batch_size": 2,
                "inputs": {"x": {"data_type": "TYPE_FP32", "dims": [5], "zero_data": True}},
            }
        ],
    )
    # Shrinking an arena that is switched off is an error of each run.
    config["parameters"].pop("enable_mem_arena")
    served = load(config, affine(toys))
    x = np.random.default_rng(2).normal(size=(3, 7)).astype(np.float32)
    np.testing.assert_array_equal(served(x=x)["y"], 2 * x + 1)


def test_sequence_controls_reach_the_model(toys: Toys, load: Load) -> None:
    model = toys.onnx(
        {"x": (1, ["batch", 1]), "start": (1, ["batch", 1])},
        {"y": (1, ["batch", 1])},
        [helper.make_node("Sub", ["x", "start"], ["y"])],
    )
    start = {"kind": "CONTROL_SEQUENCE_START", "fp32_false_true": [0, 1]}
    batching = {"control_input": [{"name": "start", "control": [start]}]}
    config = toys.config({"x": ("FP32", [1])}, {"y": ("FP32", [1])}, 4)
    served = load(config | {"sequence_batching": batching}, model)
    tensors = served.tensors({"x": np.array([[5]], np.float32)})
    values = [
        served.arrays(
            served.client.infer(
                served.name, tensors, sequence_id=9, sequence_start=first, sequence_end=not first
            )
        )["y"].item()
        for first in (True, False)
    ]
    assert values == [4, 5]


def test_many_clients_get_their_own_answers(toys: Toys, load: Load) -> None:
    served = load(affine_config(toys, dynamic_batching={}), affine(toys))
    wrong: list[str] = []

    def ask(seed: int) -> None:
        generator = np.random.default_rng(seed)
        for _ in range(25):
            x = generator.normal(size=(int(generator.integers(1, 4)), 5)).astype(np.float32)
            if not np.array_equal(served(x=x)["y"], 2 * x + 1):
                wrong.append(f"client {seed}")

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
