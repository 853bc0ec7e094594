"""Log lines, synthetic requests, instance names, ports: the pieces that need no server."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository.places import ROOT
from runtime import synthetic
from runtime.guard import state
from runtime.machine.environment import ALLOCATOR, BLAS, TELEMETRY, ServerEnvironment
from runtime.server import backend_folder, logs
from runtime.watch import stubs

LINE = 'I1123 14:44:34.335603 8767 model_lifecycle.cc:472] "loading: echo:1"'


def test_a_line_is_read() -> None:
    line = logs.parse(LINE)
    assert line is not None
    assert (line.level, line.source) == ("info", "model_lifecycle.cc:472")
    assert str(line) == "14:44:34.335 loading: echo:1"


def test_a_message_keeps_its_quotes_and_lines() -> None:
    line = logs.parse('E1123 14:44:34.335603 8767 a.cc:1] "it said \\"no\\"\\nand left"\n')
    assert line is not None
    assert str(line) == '14:44:34.335 error: it said "no"\nand left'


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    for line in (text, LINE + text, LINE[:-1] + text + '"'):
        parsed = logs.parse(line)
        assert parsed is None or str(parsed)


@pytest.mark.parametrize(("least", "shown"), [("info", 3), ("warning", 2), ("error", 1), (None, 6)])
def test_people_see_what_they_asked_for(least: str | None, shown: int) -> None:
    seen: list[str] = []
    printer = logs.Printer(least, seen.append)
    for line in (
        LINE,
        LINE.replace("I", "W", 1),
        LINE.replace("I", "E", 1),
        "+-------+",
        'E1123 14:44:34.335603 8767 server.cc:241] "CudaDriverHelper has not been initialized."',
        'I1123 14:44:34.539797 8767 server.cc:604] ""',
    ):
        printer(line)
    assert len(seen) == shown


def test_load_times_are_those_between_two_lines() -> None:
    times = logs.LoadTimes()
    times.read(LINE)
    assert times.seconds == {}
    times.read(LINE.replace('"loading: echo:1"', "\"successfully loaded 'echo'\""))
    assert 0 <= times.seconds["echo"] < 1


TENSORS = st.fixed_dictionaries(
    {
        "name": st.text(min_size=1),
        "data_type": st.sampled_from([f"TYPE_{name}" for name in synthetic._SIZES]),
        "dims": st.lists(st.sampled_from([-1, 1, 3, 7]).map(str), min_size=1, max_size=6),
        "optional": st.booleans(),
    }
)


@settings(deadline=None)
@given(st.lists(TENSORS), st.integers(0, 8))
def test_a_synthetic_request_is_as_long_as_it_says(
    tensors: list[dict[str, object]], batch: int
) -> None:
    body, headers = synthetic.request({"input": tensors, "max_batch_size": batch})
    length = int(headers["Inference-Header-Content-Length"])
    inputs = json.loads(body[:length])["inputs"]
    assert [each["name"] for each in inputs] == [t["name"] for t in tensors if not t["optional"]]
    sizes = [each["parameters"]["binary_data_size"] for each in inputs]
    assert length + sum(sizes) == len(body)
    for each, size in zip(inputs, sizes, strict=True):
        width = synthetic._SIZES[each["datatype"].replace("BYTES", "STRING")]
        assert size == width * math.prod(each["shape"])
        assert all(dim > 0 for dim in each["shape"])
        assert (each["shape"][0] == 1) or batch == 0


def test_a_warm_up_sample_gives_the_shape() -> None:
    config = {
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": ["-1", "3"]}],
        "model_warmup": [{"inputs": {"x": {"dims": ["5", "3"], "zero_data": True}}}],
    }
    body, headers = synthetic.request(config)
    length = int(headers["Inference-Header-Content-Length"])
    assert json.loads(body[:length])["inputs"][0]["shape"] == [5, 3]


def test_models_that_a_single_request_would_disturb_are_not_probed() -> None:
    assert synthetic.can_be_probed({})
    assert not synthetic.can_be_probed({"model_transaction_policy": {"decoupled": True}})
    assert not synthetic.can_be_probed({"sequence_batching": {}})


@pytest.mark.parametrize(
    ("data_type", "dims", "probed"),
    [
        ("TYPE_FP32", ["-1", "3"], True),
        ("TYPE_UINT8", [str(1 << 26)], True),
        ("TYPE_UINT8", [str((1 << 26) + 1)], False),
        ("TYPE_FP32", ["4611686018427387904", "4611686018427387904"], False),
        ("TYPE_INVALID", ["1"], False),
    ],
)
def test_inputs_of_any_size_are_not_made(data_type: str, dims: list[str], probed: bool) -> None:
    config = {"input": [{"name": "x", "data_type": data_type, "dims": dims}]}
    assert synthetic.can_be_probed(config) is probed
    optional = {**config["input"][0], "optional": True}
    assert synthetic.can_be_probed({"input": [optional]})


GROUPS = {"a": ["a_0"], "a_0": ["a_0_0"], "gpu": ["fast"], "x": ["same"], "y": ["same"]}


@pytest.mark.parametrize(
    ("instance", "model"),
    [
        ("a_0_0", "a"),
        ("a_0_1", "a"),
        ("a_0_0_0", "a_0"),
        ("fast_0_gpu1", "gpu"),
        ("same_0", None),
        ("b_0_0", None),
        ("a_0_", None),
    ],
)
def test_an_instance_belongs_to_one_model_or_to_none(instance: str, model: str | None) -> None:
    assert stubs.owner(instance, GROUPS) == model


def test_the_backends_folder_is_private_and_its_temporary_folders_bear_the_id(
    server_environment: ServerEnvironment, tmp_path: Path
) -> None:
    own = state.ServerState(tmp_path / "0123abcd")
    folder = backend_folder.make(server_environment, own)
    library = (folder / "python" / "libtriton_python.so").read_bytes()
    original = server_environment.triton / "backends" / "python" / "libtriton_python.so"
    assert len(library) == original.stat().st_size
    assert library.count(b"/tmp/tk0123abcd_") == 1
    assert b"/tmp/python_env_" not in library
    assert {path.name for path in folder.iterdir()} == set(backend_folder.names())
    assert not list(folder.rglob("__pycache__"))
    stub = folder / "python" / "triton_python_backend_stub"
    assert stub.stat().st_mode & 0o100


def test_servers_here_and_in_the_container_have_the_same_variables(
    server_environment: ServerEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = server_environment.variables()
    container = (ROOT / "runtime" / "Containerfile").read_text()
    for each in (ALLOCATOR, BLAS, TELEMETRY):
        assert {name: variables[name] for name in each} == each
        assert f"ENV {' '.join(f'{name}={value}' for name, value in each.items())}\n" in container
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    assert server_environment.variables()["MALLOC_TRIM_THRESHOLD_"] == "131072", "the user's own"
