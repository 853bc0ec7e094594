"""The check and a real Triton, on ensembles: what one refuses the other refuses, but for a table.

A pool of small Python models is loaded once. Hypothesis draws pipelines over it: fan-out, fan-in,
optional inputs, several outputs, batching beside non-batching models, strings, models in several
steps, decoupled ones. Each must pass the check, load, and answer. Then one mistake is made in it,
and the check's verdict, through the rules' own column on Triton, must be the server's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pytest
import tritonclient.grpc as grpc
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.graph import Ensemble, Flow, PythonModel, QueuePolicy, Step, Tensor
from repository.arrays import DType
from repository.check.check import check_repository
from repository.check.rules import RULES, Triton
from repository.config.facts import tensors_of
from repository.config.proto import pb
from repository.config.text import to_text
from repository.findings import errors
from repository.release import release
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer

RELEASE = release("24.10")
ENSEMBLE = "drawn"

# Kinds of tensors that pass between models, by what a request sees: FP32 [-1], FP32 [-1, 4],
# BYTES [-1] and INT64 [2]. A batching model writes [-1, 4] as dims [4].
VECTOR = (DType.FP32, (-1,))
ROWS = (DType.FP32, (-1, 4))
TEXT = (DType.BYTES, (-1,))
PAIR = (DType.INT64, (2,))
Kind = tuple[DType, tuple[int, ...]]


def tensor(name: str, kind: Kind, *, batch: bool = False, optional: bool = False) -> Tensor:
    names = ("batch" if batch else "first", "second")
    return Tensor(name, kind[0], dict(zip(names, kind[1], strict=False)), optional)


def python(
    name: str, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], **options: Any
) -> PythonModel:
    return PythonModel(
        name=name,
        stage="none",
        inputs=inputs,
        outputs=outputs,
        queue=QueuePolicy(max_size=0),
        **options,
    )


POOL = (
    python("chk_scale", (tensor("x", VECTOR),), (tensor("y", VECTOR),)),
    python("chk_split", (tensor("x", VECTOR),), (tensor("y", VECTOR), tensor("s", TEXT))),
    python("chk_join", (tensor("x", VECTOR), tensor("s", TEXT)), (tensor("y", VECTOR),)),
    python(
        "chk_option",
        (tensor("x", TEXT), tensor("limit", VECTOR, optional=True)),
        (tensor("y", TEXT), tensor("pair", PAIR)),
    ),
    python("chk_pair", (tensor("x", PAIR), tensor("z", TEXT)), (tensor("y", ROWS),)),
    python("chk_rows", (tensor("x", ROWS),), (tensor("y", ROWS), tensor("v", VECTOR))),
    python(
        "chk_batch",
        (tensor("x", ROWS, batch=True),),
        (tensor("y", ROWS, batch=True),),
        max_batch_size=8,
    ),
)
STREAM = python("chk_stream", (tensor("x", VECTOR),), (tensor("y", VECTOR),), decoupled=True)

# Zeros of each output's declared size; dynamic axes have the size of the first input's first axis.
MODEL = b"""
import json
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.batching = config["max_batch_size"] > 0
        self.decoupled = config.get("model_transaction_policy", {}).get("decoupled", False)
        self.outputs = config["output"]

    def execute(self, requests):
        return [self.respond(request) for request in requests]

    def respond(self, request):
        rows = request.inputs()[0].as_numpy().shape[0]
        answer = pb_utils.InferenceResponse([self.zeros(output, rows) for output in self.outputs])
        if not self.decoupled:
            return answer
        sender = request.get_response_sender()
        sender.send(answer, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None

    def zeros(self, output, rows):
        dims = [int(dim) if int(dim) > 0 else rows for dim in output["dims"]]
        dtype = pb_utils.triton_string_to_numpy(output["data_type"])
        shape = [rows, *dims] if self.batching else dims
        full = np.full(shape, b"" if dtype == np.object_ else 0, dtype)
        return pb_utils.Tensor(output["name"], full)
"""


def write(repository: Path, config: pb.ModelConfig, model: bytes | None = MODEL) -> None:
    folder = repository / config.name
    (folder / "1").mkdir(parents=True, exist_ok=True)
    (folder / "config.pbtxt").write_text(to_text(config))
    if model is not None:
        (folder / "1" / "model.py").write_bytes(model)


@dataclass
class Bench:
    """The pool in a running server, and a folder of its own for what is drawn."""

    server: LocalServer
    repository: Path

    def verdict(self, config: pb.ModelConfig) -> str:
        """What Triton says against an ensemble; empty if it loads."""
        write(self.repository, config, model=None)
        try:
            self.server.control.load(config.name)
        except CallFailed as error:
            assert error.status, "the server is gone"
            return str(error)
        else:
            self.server.control.unload(config.name)
            return ""


@pytest.fixture(scope="module")
def bench(triton: LocalServer) -> Bench:
    for model in (*POOL, STREAM):
        write(triton.repository, model_config(model))
        triton.control.load(model.name)
    return Bench(triton, triton.repository)


def kind_of(known: Tensor) -> Kind:
    return (known.dtype, known.shape)


@st.composite
def pipelines(draw: st.DrawFn) -> Ensemble:
    """A valid ensemble over the pool."""
    inputs: dict[str, Tensor] = {}
    available: dict[str, Kind] = {}
    steps: list[Step] = []
    streamed = draw(st.booleans())
    if streamed:
        inputs["start"] = tensor("start", VECTOR)
        steps.append(STREAM.step(inputs={"x": "start"}, outputs={"y": "streamed"}))
        available["streamed"] = VECTOR
    for number in range(draw(st.integers(0 if streamed else 1, 5))):
        model = draw(st.sampled_from(POOL))
        renamed: dict[str, str] = {}
        for wanted in model.inputs:
            fitting = [name for name, kind in available.items() if kind == kind_of(wanted)]
            if wanted.optional and draw(st.booleans()):
                continue
            if fitting and draw(st.integers(0, 3)) > 0:
                renamed[wanted.name] = draw(st.sampled_from(fitting))
            elif not streamed:
                name = f"in{len(inputs)}"
                renamed[wanted.name] = name
                optional = wanted.optional and draw(st.booleans())
                inputs[name] = tensor(name, kind_of(wanted), optional=optional)
                if not optional:
                    available[name] = kind_of(wanted)
            elif fitting:
                renamed[wanted.name] = fitting[0]
            elif not wanted.optional:
                break
        else:
            written = {known.name: f"t{number}_{known.name}" for known in model.outputs}
            steps.append(model.step(inputs=renamed, outputs=written))
            for known in model.outputs:
                available[written[known.name]] = kind_of(known)
    read = {name for step in steps for name in step.inputs.values()}
    outputs = []
    for index, step in enumerate(steps):
        unread = [name for name in step.outputs.values() if name not in read]
        kept = set(step.outputs.values()) & read
        for name in unread:
            if not kept or draw(st.booleans()):
                kept.add(name)
                outputs.append(tensor(name, available[name]))
        renames = {key: name for key, name in step.outputs.items() if name in kept}
        steps[index] = Step(step.model, step.inputs, renames)
    assume(outputs)
    batch = all(kind_of(known) == ROWS for known in (*inputs.values(), *outputs))
    size = draw(st.sampled_from((0, 4, 8))) if batch else 0
    if size:
        inputs = {name: tensor(name, ROWS, batch=True) for name in inputs}
        outputs = [tensor(known.name, ROWS, batch=True) for known in outputs]
    return Ensemble(
        name=ENSEMBLE,
        inputs=tuple(inputs.values()),
        outputs=tuple(outputs),
        steps=Flow(tuple(draw(st.permutations(steps)))),
        max_batch_size=size,
    )


def answer(server: LocalServer, ensemble: Ensemble) -> dict[str, np.ndarray]:
    """The ensemble's outputs for a request with all required inputs, three rows each."""
    with grpc.InferenceServerClient(server.grpc) as client:
        inputs = []
        for known in ensemble.inputs:
            if known.optional:
                continue
            shape = [size if size > 0 else 3 for size in known.shape]
            empty = known.dtype is DType.BYTES
            array = np.full(shape, b"word" if empty else 1, known.dtype.numpy)
            inputs.append(grpc.InferInput(known.name, shape, known.dtype.value))
            inputs[-1].set_data_from_numpy(array)
        result = client.infer(ensemble.name, inputs, client_timeout=30)
        return {each.name: np.asarray(result.as_numpy(each.name)) for each in ensemble.outputs}


GENTLE = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@GENTLE
@given(ensemble=pipelines())
def test_valid_pipeline_passes_loads_and_answers(bench: Bench, ensemble: Ensemble) -> None:
    assert errors(check_graph([ensemble], RELEASE)) == []
    config = model_config(ensemble)
    write(bench.repository, config, model=None)
    found = errors(check_repository(bench.repository, RELEASE))
    assert [finding for finding in found if finding.where.startswith(ENSEMBLE)] == []
    bench.server.control.load(ENSEMBLE)
    try:
        if not any(model.decoupled for model in ensemble.composing()):
            answered = answer(bench.server, ensemble)
            for known in ensemble.outputs:
                assert len(answered[known.name].shape) == len(known.shape)
    finally:
        bench.server.control.unload(ENSEMBLE)


T = TypeVar("T")


class Draw(Protocol):
    """``data.draw``."""

    def __call__(self, strategy: st.SearchStrategy[T]) -> T: ...


Mutation = Callable[[pb.ModelConfig, Draw], None]


def a_step(config: pb.ModelConfig, draw: Draw) -> pb.ModelEnsembling.Step:
    return draw(st.sampled_from(list(config.ensemble_scheduling.step)))


def an_end(config: pb.ModelConfig, draw: Draw) -> pb.ModelInput | pb.ModelOutput:
    return draw(st.sampled_from(tensors_of(config)))


def key_of(mapped: Mapping[str, str], draw: Draw) -> str:
    return draw(st.sampled_from(sorted(mapped)))


def drop_version(config: pb.ModelConfig, draw: Draw) -> None:
    a_step(config, draw).ClearField("model_version")


def other_version(config: pb.ModelConfig, draw: Draw) -> None:
    a_step(config, draw).model_version = draw(st.sampled_from((-2, 2, 7)))


def first_version(config: pb.ModelConfig, draw: Draw) -> None:
    a_step(config, draw).model_version = 1


def other_model(config: pb.ModelConfig, draw: Draw) -> None:
    a_step(config, draw).model_name = draw(
        st.sampled_from(("", "absent", ENSEMBLE, *(model.name for model in POOL)))
    )


def rename_input_key(config: pb.ModelConfig, draw: Draw) -> None:
    mapped = a_step(config, draw).input_map
    mapped["wrong"] = mapped.pop(key_of(mapped, draw))


def rename_output_key(config: pb.ModelConfig, draw: Draw) -> None:
    mapped = a_step(config, draw).output_map
    mapped["wrong"] = mapped.pop(key_of(mapped, draw))


def drop_input_key(config: pb.ModelConfig, draw: Draw) -> None:
    mapped = a_step(config, draw).input_map
    del mapped[key_of(mapped, draw)]


def drop_output_key(config: pb.ModelConfig, draw: Draw) -> None:
    mapped = a_step(config, draw).output_map
    del mapped[key_of(mapped, draw)]


def rewire_input(config: pb.ModelConfig, draw: Draw) -> None:
    """Another tensor of the pipeline, or none: wrong types, circles, unread tensors."""
    names = {name for step in config.ensemble_scheduling.step for name in step.output_map.values()}
    names |= {known.name for known in config.input} | {"nowhere"}
    mapped = a_step(config, draw).input_map
    mapped[key_of(mapped, draw)] = draw(st.sampled_from(sorted(names)))


def rewire_output(config: pb.ModelConfig, draw: Draw) -> None:
    """Another tensor of the pipeline, or a new one: written twice, over an input, never read."""
    names = {name for step in config.ensemble_scheduling.step for name in step.output_map.values()}
    names |= {known.name for known in config.input} | {"nowhere"}
    mapped = a_step(config, draw).output_map
    mapped[key_of(mapped, draw)] = draw(st.sampled_from(sorted(names)))


def drop_step(config: pb.ModelConfig, draw: Draw) -> None:
    steps = config.ensemble_scheduling.step
    del steps[draw(st.integers(0, len(steps) - 1))]


def repeat_step(config: pb.ModelConfig, draw: Draw) -> None:
    config.ensemble_scheduling.step.add().CopyFrom(a_step(config, draw))


def more_inputs(config: pb.ModelConfig, draw: Draw) -> None:
    config.input.add(name="extra", data_type=pb.TYPE_FP32, dims=[-1])


def more_outputs(config: pb.ModelConfig, draw: Draw) -> None:
    """One that nobody writes, or an ensemble input handed through: legal, if not decoupled."""
    known = config.input[0]
    name = draw(st.sampled_from(("extra", known.name)))
    config.output.add(name=name, data_type=known.data_type, dims=known.dims)


def fewer_inputs(config: pb.ModelConfig, draw: Draw) -> None:
    del config.input[draw(st.integers(0, len(config.input) - 1))]


def fewer_outputs(config: pb.ModelConfig, draw: Draw) -> None:
    del config.output[draw(st.integers(0, len(config.output) - 1))]


def other_dtype(config: pb.ModelConfig, draw: Draw) -> None:
    an_end(config, draw).data_type = draw(st.sampled_from((pb.TYPE_FP16, pb.TYPE_INVALID)))


def other_dims(config: pb.ModelConfig, draw: Draw) -> None:
    end = an_end(config, draw)
    size = st.sampled_from((-1, 1, 2, 3, 4, 0, -2))
    end.dims[:] = draw(st.lists(size, min_size=0, max_size=3))


def other_reshape(config: pb.ModelConfig, draw: Draw) -> None:
    size = st.sampled_from((-1, 1, 2, 4))
    an_end(config, draw).reshape.shape[:] = draw(st.lists(size, max_size=3))


def other_name(config: pb.ModelConfig, draw: Draw) -> None:
    an_end(config, draw).name = draw(st.sampled_from(("", "other")))


def other_batch(config: pb.ModelConfig, draw: Draw) -> None:
    config.max_batch_size = draw(st.sampled_from((-1, 1, 8, 9)))


def optional_inputs(config: pb.ModelConfig, draw: Draw) -> None:
    draw(st.sampled_from(list(config.input))).optional = True


def same_input_twice(config: pb.ModelConfig, draw: Draw) -> None:
    config.input.add().CopyFrom(draw(st.sampled_from(list(config.input))))


def forbidden_field(config: pb.ModelConfig, draw: Draw) -> None:
    match draw(st.integers(0, 2)):
        case 0:
            config.instance_group.add(count=1)
        case 1:
            config.optimization.SetInParent()
        case _:
            config.model_warmup.add(name="w", batch_size=0)


def other_kind(config: pb.ModelConfig, draw: Draw) -> None:
    match draw(st.integers(0, 3)):
        case 0:
            config.platform = "onnxruntime_onnx"
        case 1:
            config.backend = "python"
        case 2:
            config.ClearField("ensemble_scheduling")
        case _:
            del config.ensemble_scheduling.step[:]


def other_service(config: pb.ModelConfig, draw: Draw) -> None:
    """Fields that are legal on an ensemble, and one pair that is not."""
    config.response_cache.enable = draw(st.booleans())
    config.model_transaction_policy.decoupled = draw(st.booleans())
    config.version_policy.latest.num_versions = draw(st.sampled_from((0, 1, 3)))


MUTATIONS: tuple[Mutation, ...] = (
    drop_version,
    other_version,
    first_version,
    other_model,
    rename_input_key,
    rename_output_key,
    drop_input_key,
    drop_output_key,
    rewire_input,
    rewire_output,
    drop_step,
    repeat_step,
    more_inputs,
    more_outputs,
    fewer_inputs,
    fewer_outputs,
    other_dtype,
    other_dims,
    other_reshape,
    other_name,
    other_batch,
    optional_inputs,
    same_input_twice,
    forbidden_field,
    other_kind,
    other_service,
)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
@pytest.mark.parametrize("examples", [15, pytest.param(250, marks=pytest.mark.slow)])
def test_mutated_pipeline_is_judged_as_triton_judges(
    bench: Bench, mutate: Mutation, examples: int
) -> None:
    """Each rule says what Triton does about it: the verdicts may differ in nothing else."""

    @settings(GENTLE, max_examples=examples)
    @given(ensemble=pipelines(), data=st.data())
    def judge(ensemble: Ensemble, data: st.DataObject) -> None:
        config = model_config(ensemble)
        mutate(config, data.draw)
        write(bench.repository, config, model=None)
        found = errors(check_repository(bench.repository, RELEASE))
        broken = {finding.rule for finding in found if finding.where.startswith(ENSEMBLE)}
        refused = {rule for rule in broken if RULES[rule].triton is Triton.REFUSES}
        verdict = bench.verdict(config)
        assert bool(refused) == bool(verdict), (sorted(broken), verdict)

    judge()
