"""What is measured is what a build makes of the patch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.kit.checkout import Checkout
from builders.kit.emit.config import model_config
from builders.kit.graph import (
    DynamicBatching,
    Ensemble,
    InstanceGroup,
    OnnxModel,
    PythonModel,
    QueuePolicy,
    Tensor,
)
from builders.kit.recipe import overrides
from builders.kit.recipe.profile import load_profile
from perf.errors import PerfError
from perf.tune import patch
from perf.tune.settings import Settings, apply, options, read
from perf.tune.space import Bounds, blocks, objections
from repository.arrays import DType
from repository.config.proto import pb
from repository.release import release
from tests.builders.kit.declared import export

RELEASE = release("24.10")
BASE = 'triton: "24.10"\nfamilies: {ocr: }\n'

queues = st.builds(QueuePolicy, max_size=st.sampled_from([0, 64]))
batchings = st.none() | st.builds(
    DynamicBatching,
    preferred_sizes=st.sampled_from([(), (1,), (4,), (2, 8)]),
    max_queue_delay_microseconds=st.sampled_from([0, 300]),
    preserve_ordering=st.booleans(),
)
groups = st.builds(
    InstanceGroup, count=st.integers(1, 4), kind=st.sampled_from(["KIND_CPU", "KIND_GPU"])
)


@st.composite
def models(draw: st.DrawFn) -> OnnxModel | PythonModel:
    size = draw(st.sampled_from([0, 1, 8]))
    tensor = Tensor("x", DType.FP32, {"batch": -1, "n": 4} if size else {"n": 4})
    facts: dict[str, Any] = {
        "name": "m",
        "inputs": (tensor,),
        "outputs": (replace(tensor, name="y"),),
        "max_batch_size": size,
        "instances": (draw(groups),),
        "queue": draw(queues),
        "batching": draw(batchings) if size else None,
    }
    if draw(st.booleans()):
        threads = draw(st.sampled_from([{}, {"intra_op_thread_count": "2"}]))
        return OnnxModel(export=export("e"), parameters=threads, **facts)
    return PythonModel(stage="s", **facts)


def candidates(present: Settings) -> list[Settings]:
    bounds = Bounds(under_way=8, rows=2, cores=4)
    found = [present]
    for block in blocks(present, bounds):
        found += block(found[-1])
    return found


@given(model=models(), data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_build_with_the_patch_gives_the_config_that_was_measured(
    model: OnnxModel | PythonModel, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    present = model_config(model)
    wanted = data.draw(st.sampled_from(candidates(read(present))))
    folder = tmp_path_factory.getbasetemp()
    (folder / "patch.yaml").write_text(patch.text("m", present, wanted, "why"))
    (folder / "base.yaml").write_text(
        BASE + yaml.safe_dump(yaml.safe_load((folder / "patch.yaml").read_text()))
    )
    profile = load_profile(folder / "base.yaml")
    (built,) = overrides.apply(profile, [model])
    measured = apply(present, wanted)
    assert model_config(built) == measured
    assert read(measured) == wanted
    assert (options(present, wanted) == {}) == (wanted == read(present))


def test_a_patch_of_the_real_family_goes_through_the_profile(tmp_path: Path) -> None:
    family = Checkout().declared("ocr")
    assert family is not None
    (ocr,) = [each for each in family.pipelines if each.name == "ocr"]
    assert isinstance(ocr, Ensemble)
    (recognise,) = [each for each in ocr.composing() if each.name == "recognise"]
    present = model_config(recognise)
    text = patch.text("recognise", present, Settings(instances=2, threads=2), "better\nby far")
    assert text.splitlines()[:3] == [
        "# Written by `tmk perf tune`. Merge it into the profile that the repository is "
        "built from.",
        "# better",
        "# by far",
    ]
    (tmp_path / "mine.yaml").write_text(BASE + text)
    (built,) = overrides.apply(load_profile(tmp_path / "mine.yaml"), [recognise])
    config = model_config(built)
    assert config.instance_group[0].count == 2
    assert config.parameters["intra_op_thread_count"].string_value == "2"


def test_one_instance_behind_a_bounded_queue_is_refused_as_the_check_warns() -> None:
    model = OnnxModel(
        name="m",
        export=export("e"),
        inputs=(Tensor("x", DType.FP32, {"n": 4}),),
        outputs=(Tensor("y", DType.FP32, {"n": 4}),),
        instances=(InstanceGroup(count=2),),
    )
    config = model_config(model)
    (objection,) = objections(config, Settings(instances=1, threads=0), RELEASE)
    assert "queue-stall" in objection
    assert objections(config, Settings(instances=3, threads=0), RELEASE) == []
    single = apply(config, Settings(instances=1))
    assert objections(single, Settings(instances=1), RELEASE) == []  # it is so already


def test_what_a_profile_cannot_say_is_not_set() -> None:
    config = pb.ModelConfig(name="m", backend="onnxruntime")
    config.instance_group.add(count=1, kind=pb.ModelInstanceGroup.KIND_CPU)
    config.instance_group.add(count=1, kind=pb.ModelInstanceGroup.KIND_CPU)
    config.parameters["intra_op_thread_count"].string_value = "many"
    assert read(config) == Settings()
    assert blocks(read(config), Bounds(4)) == []


@given(
    under_way=st.integers(1, 64),
    cores=st.integers(1, 64),
    rows=st.integers(1, 8),
    count=st.integers(1, 16),
)
@settings(max_examples=100, deadline=None)
def test_candidates_do_not_crowd_the_cores_nor_idle(
    under_way: int, cores: int, rows: int, count: int
) -> None:
    bounds = Bounds(under_way, rows, cores)
    copies, batches, delays = blocks(Settings(count, 1, 8, batching=True), bounds)
    for each in copies(Settings(count, 1, 8, batching=True)):
        assert (each.instances or 0) * (each.threads or cores) <= 2 * cores
        assert (each.instances or 0) <= under_way
    for each in batches(Settings(count, 1, 8, batching=True)):
        assert each.max_batch_size == 8 or 8 < (each.max_batch_size or 0) <= under_way * rows
    for each in delays(Settings(count, 1, 8, batching=True)):
        assert all(1 <= size <= (each.max_batch_size or 0) for size in each.preferred_sizes)
    assert list(delays(Settings(count, 1, 8, batching=False))) == []


def test_a_count_that_is_left_out_is_tritons_own() -> None:
    config = pb.ModelConfig(name="m", backend="onnxruntime")
    config.instance_group.add(kind=pb.ModelInstanceGroup.KIND_CPU)
    assert read(config).instances == 2
    config.backend = "python"
    assert read(config).instances == 1


def test_more_threads_than_the_cores_carry_are_tried_when_asked() -> None:
    (copies,) = blocks(Settings(1, 1), Bounds(8, cores=2, crowded=True))
    assert Settings(8, 2) in copies(Settings(1, 1))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("patch.txt", None, "ends in .yaml"),
        ("nowhere/patch.yaml", None, "no folder"),
        ("demo.yaml", BASE, "no patch of an earlier run"),
    ],
)
def test_a_file_that_is_no_patch_is_left_alone(
    tmp_path: Path, name: str, content: str | None, sentence: str
) -> None:
    if content:
        (tmp_path / name).write_text(content)
    with pytest.raises(PerfError, match=sentence):
        patch.refuse_foreign(tmp_path / name)
