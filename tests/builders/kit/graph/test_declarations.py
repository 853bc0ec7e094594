"""What only a graph says, and warnings that take no server."""

from __future__ import annotations

from typing import Any

import pytest

from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.graph import (
    Ensemble,
    InstanceGroup,
    Model,
    OnnxModel,
    PythonModel,
    QueuePolicy,
    Tensor,
    VersionPolicy,
)
from builders.kit.graph.bls import bls
from repository.arrays import DType
from repository.check.serving import STUB_REGION, check_shared_memory
from repository.findings import Finding, errors
from repository.release import release
from tests.builders.kit.declared import export

RELEASE = release("24.10")


def floats(name: str, **axes: int) -> Tensor:
    return Tensor(name, DType.FP32, axes)


def stage(name: str, reads: Tensor, writes: Tensor, **options: Any) -> PythonModel:
    options.setdefault("queue", QueuePolicy(max_size=0))
    return PythonModel(name=name, stage=name, inputs=(reads,), outputs=(writes,), **options)


def pipeline(*models: Model, name: str = "ocr", **options: Any) -> Ensemble:
    flow = models[0] >> models[1] if len(models) > 1 else models[0] >> ()
    for model in models[2:]:
        flow = flow >> model
    return Ensemble(
        name=name,
        inputs=models[0].inputs,
        outputs=models[-1].outputs,
        steps=flow,
        **options,
    )


def rules(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


CROP = stage("crop", floats("image", height=-1, width=-1), floats("crop", height=-1, width=-1))
READ = stage("read", floats("crop", height=-1, width=-1), floats("text", n=-1))


def test_sound_graph_has_no_findings() -> None:
    assert check_graph([pipeline(CROP, READ)], RELEASE) == []


def test_all_mistakes_are_found_at_once_each_with_its_place() -> None:
    crop = stage("crop", CROP.inputs[0], floats("crop", height=-1, width=-1, channels=3))
    read = stage("read", Tensor("crop", DType.UINT8, {"height": -1, "width": -1}), READ.outputs[0])
    found = check_graph(
        [pipeline(crop, read, max_batch_size=-1, instances=(InstanceGroup(),))], RELEASE
    )
    assert rules(found) == {"max-batch-size", "ensemble-dtype", "ensemble-field"}
    (dtype,) = [finding for finding in found if finding.rule == "ensemble-dtype"]
    assert (dtype.where, dtype.tensor) == ("ocr", "crop")
    assert "TYPE_UINT8 in input 'crop' of 'read'" in dtype.found or "UINT8" in dtype.expected
    assert all(finding.remedy.endswith(".") for finding in found)


def test_batching_model_needs_a_dynamic_batch_axis_first() -> None:
    for axes in ({"rows": -1}, {"n": -1, "batch": -1}, {"batch": 4, "n": -1}, {}):
        model = stage("crop", floats("x", **axes), floats("y", batch=-1, n=-1), max_batch_size=4)
        found = [finding for finding in check_graph([model], RELEASE) if finding.tensor == "x"]
        assert "batch-axis" in rules(found)
    sound = stage("crop", floats("x", batch=-1), floats("y", batch=-1, n=-1), max_batch_size=4)
    assert check_graph([sound], RELEASE) == []


def test_axes_of_one_name_have_one_size() -> None:
    read = stage("read", floats("crop", height=32, width=-1), floats("text", n=-1))
    taller = stage("crop", CROP.inputs[0], floats("crop", height=48, width=-1))
    assert rules(check_graph([pipeline(CROP, read)], RELEASE)) == set()
    assert "axis-size" in rules(check_graph([pipeline(taller, read)], RELEASE))


def test_axes_stand_in_one_order_at_both_ends() -> None:
    turned = stage("read", floats("crop", width=-1, height=-1), floats("text", n=-1))
    (finding,) = check_graph([pipeline(CROP, turned)], RELEASE)
    assert (finding.rule, finding.tensor) == ("axis-order", "crop")


def test_axes_stand_in_one_order_behind_the_batch_axis_too() -> None:
    text = floats("text", batch=-1, n=-1)
    level = stage("read", floats("crop", batch=-1, height=-1, width=-1), text, max_batch_size=4)
    assert check_graph([pipeline(CROP, level)], RELEASE) == []
    turned = stage("read", floats("crop", batch=-1, width=-1, height=-1), text, max_batch_size=4)
    (finding,) = check_graph([pipeline(CROP, turned)], RELEASE)
    assert (finding.rule, finding.tensor) == ("axis-order", "crop")


def test_two_models_of_one_name_conflict_unless_they_are_equal() -> None:
    other = stage("crop", CROP.inputs[0], CROP.outputs[0], max_batch_size=0, decoupled=True)
    both = [pipeline(CROP, READ), pipeline(other, READ, name="second")]
    assert "model-conflict" in rules(check_graph(both, RELEASE))
    shared = [pipeline(CROP, READ), pipeline(CROP, READ, name="second")]
    assert check_graph(shared, RELEASE) == []


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a\\b"])
def test_name_must_be_a_folder_name(name: str) -> None:
    found = check_graph([stage(name, CROP.inputs[0], CROP.outputs[0])], RELEASE)
    assert "model-name" in rules(found)


def test_misspelt_rename_is_an_unknown_tensor() -> None:
    ensemble = Ensemble(
        name="ocr",
        inputs=CROP.inputs,
        outputs=READ.outputs,
        steps=CROP.step(inputs={"imgae": "image"}) >> READ.step(outputs={"txet": "text"}),
    )
    assert {"unknown-input", "unknown-output"} <= rules(check_graph([ensemble], RELEASE))


def test_version_that_the_kit_does_not_write_is_not_served() -> None:
    old = stage("crop", CROP.inputs[0], CROP.outputs[0], versions=VersionPolicy(specific=(2,)))
    assert rules(check_graph([pipeline(old, READ)], RELEASE)) == {"no-version"}


def caller(name: str, *calls: Model) -> PythonModel:
    return stage(name, CROP.inputs[0], READ.outputs[0], calls=calls)


def test_calls_that_lead_back_are_found() -> None:
    twin = bls(pipeline(CROP, READ))
    assert errors(check_graph([pipeline(CROP, READ), twin], RELEASE)) == []
    back = caller("a", caller("b", caller("a", CROP)))
    assert "self-call" in rules(check_graph([back], RELEASE))
    over = pipeline(caller("a", pipeline(caller("a", CROP))))
    found = {finding.found for finding in check_graph([over], RELEASE)}
    assert "a -> ocr -> a" in found
    beside = [caller("a", READ), caller("b", READ, CROP)]
    assert errors(check_graph(beside, RELEASE)) == []


def test_queue_stall_goes_with_instances_bound_and_release() -> None:
    def found(release_name: str, count: int, size: int) -> set[str]:
        model = stage(
            "crop",
            CROP.inputs[0],
            CROP.outputs[0],
            instances=(InstanceGroup(count=count),),
            queue=QueuePolicy(max_size=size),
        )
        return rules(check_graph([model], release(release_name)))

    assert found("24.10", 1, 64) == {"queue-stall"}
    assert found("24.10", 2, 64) == set()
    assert found("24.10", 1, 0) == set()
    assert found("26.08", 1, 64) == set()


def test_a_bound_before_steps_side_by_side_is_told_and_one_before_a_single_step_is_not() -> None:
    def found(bound: int, steps: int) -> list[str]:
        read = stage(
            "read",
            floats("y", n=-1),
            floats("z", n=-1),
            instances=(InstanceGroup(count=2),),
            queue=QueuePolicy(max_size=bound),
        )
        crop = stage("crop", floats("x", n=-1), floats("y", n=-1), queue=QueuePolicy(max_size=0))
        outputs = tuple(floats(f"z{k}", n=-1) for k in range(steps))
        beside = tuple(read.step(outputs={"z": f"z{k}"}) for k in range(steps))
        drawn = Ensemble(name="ocr", inputs=crop.inputs, outputs=outputs, steps=crop >> beside)
        return [f"{each.rule} {each.where}" for each in check_graph([drawn], RELEASE)]

    assert found(bound=64, steps=3) == ["wave-queue ocr"]
    assert found(bound=64, steps=1) == []
    assert found(bound=0, steps=3) == []


def test_shared_memory_counts_instances_and_static_sizes() -> None:
    megabyte = floats("x", n=2**18)
    model = stage("crop", megabyte, megabyte, instances=(InstanceGroup(count=3),))
    onnx = OnnxModel(name="net", export=export("net"), inputs=(megabyte,), outputs=(megabyte,))
    configs = [model_config(model), model_config(onnx)]
    need = 3 * (STUB_REGION + 2 * 2**20)
    assert list(check_shared_memory(configs, need)) == []
    (finding,) = check_shared_memory(configs, need - 1)
    assert (finding.rule, finding.where) == ("shared-memory", "crop")
    assert "9.0 MiB" in finding.found
