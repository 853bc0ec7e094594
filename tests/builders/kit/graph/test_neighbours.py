"""Which neighbouring steps become one, and why others stay apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders.kit.graph import (
    DynamicBatching,
    Ensemble,
    Flow,
    InstanceGroup,
    Model,
    OnnxModel,
    PythonModel,
    QueuePolicy,
    SequenceBatching,
    Tensor,
    Warmup,
    WarmupInput,
    as_flow,
)
from builders.kit.graph.fusing.fused import fused_onnx, fused_stage
from builders.kit.graph.fusing.neighbours import find_runs
from repository.arrays import DType
from tests.builders.kit.declared import PARITY, export

A, B, C, D, E = (Tensor(name, DType.FP32, {"length": -1}) for name in "abcde")


def onnx(name: str, reads: Tensor, writes: Tensor, **changes: object) -> OnnxModel:
    model = OnnxModel(name=name, inputs=(reads,), outputs=(writes,), export=export(name))
    return replace(model, **changes)  # type: ignore[arg-type]


def stage(name: str, reads: Tensor, writes: Tensor, **changes: object) -> PythonModel:
    module = "builders.stages.decode_image"
    model = PythonModel(name=name, inputs=(reads,), outputs=(writes,), stage=module)
    return replace(model, **changes)  # type: ignore[arg-type]


def pipeline(steps: Flow | Model, *outputs: Tensor, inputs: tuple[Tensor, ...] = (A,)) -> Ensemble:
    return Ensemble(name="pipeline", inputs=inputs, outputs=outputs, steps=as_flow(steps))


def runs(ensemble: Ensemble, callers: dict[str, str] | None = None) -> list[list[str]]:
    found, _ = find_runs(ensemble, callers or {})
    return [[model.name for model in run.models] for run in found]


def why(ensemble: Ensemble, callers: dict[str, str] | None = None) -> list[str]:
    found, apart = find_runs(ensemble, callers or {})
    assert all(len(run.steps) == 1 for run in found)
    return [each.why for each in apart]


ONE, TWO, THREE = onnx("one", A, B), onnx("two", B, C), onnx("three", C, D)


def test_a_run_becomes_one_and_another_kind_ends_it() -> None:
    mixed = pipeline(ONE >> TWO >> stage("three", C, D) >> stage("four", D, E), E)
    assert runs(mixed) == [["one", "two"], ["three", "four"]]


def test_the_order_in_which_steps_are_written_decides_nothing() -> None:
    assert runs(pipeline(THREE >> ONE >> TWO, D)) == [["one", "two", "three"]]


def test_what_a_pipeline_gives_or_a_later_step_reads_stays_an_output() -> None:
    late = PythonModel(name="late", inputs=(B, D), outputs=(E,), stage="s")
    (run, _), apart = find_runs(pipeline(ONE >> TWO >> THREE >> late, C, E), {})
    assert (run.outputs, [each.name for each in run.inputs]) == (("b", "c", "d"), ["a"])
    assert not apart


def test_an_output_that_nobody_reads_is_none_of_the_fused_one() -> None:
    both = replace(ONE, outputs=(B, E))
    ((run,), _) = find_runs(pipeline(both >> TWO, C), {})
    assert run.outputs == ("c",)


def test_a_step_beside_does_not_wait() -> None:
    beside = pipeline(ONE >> (TWO, onnx("beside", B, D)), C, D)
    assert why(beside) == [
        "'beside' would have to wait for 'two'",
        "'two' would have to wait for 'beside'",
    ]


def test_the_first_does_not_wait_for_what_the_second_reads_besides() -> None:
    joined = PythonModel(name="joined", inputs=(B, D), outputs=(E,), stage="s")
    found = pipeline((stage("first", A, B), onnx("slow", A, D)) >> as_flow(joined), E)
    assert why(found) == ["'first' would have to wait for 'slow'"]


def test_two_that_another_runs_between_stay_apart() -> None:
    last = PythonModel(name="last", inputs=(B, C), outputs=(D,), stage="s")
    assert why(pipeline(stage("first", A, B) >> TWO >> last, D)) == ["'two' runs between them"]


def test_a_model_in_several_steps_stays_apart() -> None:
    twice = pipeline(ONE.step({}, {"b": "e"}) >> ONE.step({"a": "e"}, {}), B)
    assert why(twice) == ["'one' is 2 steps"]


def test_a_model_that_a_stage_calls_stays_apart() -> None:
    told = why(pipeline(ONE >> TWO, C), {"two": "caller"})
    assert told == ["'two' is called by 'caller' too, and would be loaded twice"]


GPU = (InstanceGroup(kind="KIND_GPU"),)
ROWS = Tensor("b", DType.FP32, {"batch": -1})
WARM = (Warmup(name="w", inputs={"b": WarmupInput(shape=(1,))}),)
FOLLOWING = replace(export("two"), parity=replace(PARITY, following=lambda *_: {}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"decoupled": True}, "'two' is decoupled"),
        ({"response_cache": True}, "'two' has its answers cached"),
        ({"max_batch_size": 4}, "of 'one' and 'two' only one batches"),
        ({"batching": DynamicBatching()}, "of 'one' and 'two' only one joins requests"),
        ({"instances": GPU}, "'one' and 'two' run on different devices"),
        ({"parameters": {"a": "1"}}, "'one' and 'two' have different parameters: none and a 1"),
        ({"warmup": WARM}, "'two' has a warm-up"),
        ({"export": FOLLOWING}, "'two' is compared by the choices that it makes"),
        ({"inputs": (B, replace(A, name="a2"))}, "'two' reads 'a2' besides"),
        ({"inputs": (replace(B, dtype=DType.INT32),)}, "'b' is not what 'two' reads"),
        ({"inputs": (B, replace(A, optional=True))}, "'a' of 'two' is optional"),
    ],
    ids=lambda given: given if isinstance(given, str) else " and ".join(given),
)
def test_onnx_models_that_are_not_served_alike_stay_apart(
    changes: dict[str, object], told: str
) -> None:
    given = (A, replace(A, name="a2"))
    (found,) = why(pipeline(ONE >> replace(TWO, **changes), C, inputs=given))  # type: ignore[arg-type]
    assert found.startswith(told)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"calls": (ONE,)}, "'two' calls other models"),
        ({"sequences": SequenceBatching()}, "the requests of 'two' come in sequences"),
        ({"parameters": {"EXECUTION_ENV_PATH": "e"}}, "'one' and 'two' have different parameters"),
        ({"outputs": (replace(C, dtype=DType.BF16),)}, "numpy has no type for 'c' of 'two'"),
    ],
    ids=lambda given: given if isinstance(given, str) else " and ".join(given),
)
def test_stages_that_cannot_share_a_process_stay_apart(
    changes: dict[str, object], told: str
) -> None:
    (found,) = why(pipeline(stage("one", A, B) >> stage("two", B, C, **changes), C))
    assert found.startswith(told)


def test_a_fused_model_waits_as_the_first_and_runs_as_often_as_the_most() -> None:
    queue = QueuePolicy(max_size=7)
    batched = {
        name: replace(tensor, axes={"batch": -1, "length": -1})
        for name, tensor in {"a": A, "b": B, "c": C}.items()
    }
    batching = DynamicBatching(max_queue_delay_microseconds=5)
    one = onnx("one", batched["a"], batched["b"], max_batch_size=8, batching=batching, queue=queue)
    two = onnx(
        "two",
        batched["b"],
        batched["c"],
        max_batch_size=4,
        batching=DynamicBatching(),
        instances=(InstanceGroup(count=3),),
    )
    ((run,), _) = find_runs(pipeline(one >> two, batched["c"], inputs=(batched["a"],)), {})
    made = fused_onnx(run, "made", export("made"))
    assert (made.max_batch_size, made.queue, made.batching) == (4, queue, batching)
    assert made.instances == (InstanceGroup(count=3),)


def test_fused_stages_have_the_most_processes_and_their_own_parameters() -> None:
    one = stage("one", A, B, parameters={"limit": "1", "EXECUTION_ENV_PATH": "e"})
    two = stage(
        "two",
        B,
        C,
        parameters={"limit": "2", "EXECUTION_ENV_PATH": "e"},
        instances=(InstanceGroup(count=2),),
    )
    ((run,), _) = find_runs(pipeline(one >> two, C), {})
    made = fused_stage(run, "made")
    assert made.instances == (InstanceGroup(count=2),)
    assert made.parameters == {"one.limit": "1", "two.limit": "2", "EXECUTION_ENV_PATH": "e"}


def test_an_input_is_optional_where_every_part_can_do_without() -> None:
    maybe = replace(D, optional=True)
    one = PythonModel(name="one", inputs=(A, maybe), outputs=(B,), stage="s")
    two = PythonModel(name="two", inputs=(B, D), outputs=(C,), stage="t")
    given = (A, D, E)
    ((run,), _) = find_runs(pipeline(one >> two, C, inputs=given), {})
    assert [(each.name, each.optional) for each in run.inputs] == [("a", False), ("d", False)]
    lax = replace(two, inputs=(B, maybe))
    ((run,), _) = find_runs(pipeline(one >> lax, C, inputs=(A, maybe)), {})
    assert [(each.name, each.optional) for each in run.inputs] == [("a", False), ("d", True)]


def test_modules_of_one_name_keep_stages_apart() -> None:
    (found,) = why(
        pipeline(stage("one", A, B, stage="x.cut") >> stage("two", B, C, stage="y.cut"), C)
    )
    assert found == "their folder would hold the module x.cut and the module y.cut under one name"
