"""Builds whose neighbouring models are fused: what is made, compared, recorded and told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from builders.kit.build.build import BuildError
from builders.kit.build.only import reproduce
from builders.kit.build.parity import ParityError
from builders.kit.build.parity_again import reproduce_of
from builders.kit.onnx.merging import merged
from builders.kit.recipe.fusing import Apart, Fused
from builders.kit.recipe.profile import ProfileError
from repository.bom import sbom
from repository.config.text import read_config
from repository.manifest import read_manifest, verify
from runtime.inprocess import InProcess
from tests.builders.kit.build.test_build import ALL, Shop, forget_toys

FUSED = "toy/scale_move.fused"
OWN = {f"export {FUSED}", f"parity {FUSED}"}
X = {"x": np.array([1.0, -2.0, 3.0], np.float32)}

TWICE = '''"""Doubles, and counts."""

import numpy as np


def prepare(folder, parameters):
    factor = np.float32(parameters.get("factor", 2))
    return lambda inputs: {"z": inputs["y"] * factor, "count": np.array([inputs["y"].size])}
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The toy with a second stage behind the first, whose input it gives too."""
    made = Shop(tmp_path)
    (made.family / "stages" / "twice.py").write_text(TWICE)
    made.edit(
        "family.py",
        "toy = Ensemble(",
        """z = Tensor("z", DType.FP32, {"length": -1})
count = Tensor("count", DType.INT32, {"one": 1})
twice = PythonModel(
    name="twice",
    inputs=(y,),
    outputs=(z, count),
    stage=f"{__package__}.stages.twice",
    options={"factor": Whole(1, 9)},
)
toy = Ensemble(""",
    )
    made.edit("family.py", "outputs=(y,), steps=scale", "outputs=(y, z, count), steps=scale")
    made.edit("family.py", "move >> shift)", "move >> shift >> twice)")
    made.edit(
        "family.py",
        "from repository",
        "from builders.kit.graph.options import Whole\nfrom repository",
    )
    monkeypatch.syspath_prepend(made.root)
    forget_toys()
    return made


def test_a_fused_pipeline_keeps_its_name_its_contract_and_its_answers(shop: Shop) -> None:
    shop.build()
    plain = InProcess(shop.out).run("toy", X)
    kept = read_config(shop.out / "toy" / "config.pbtxt")
    shop.build(fuse=True)
    assert set(read_manifest(shop.out).models) == {"scale_move", "shift_twice", "toy"}
    assert not verify(shop.out)
    config = read_config(shop.out / "toy" / "config.pbtxt")
    assert (config.input, config.output) == (kept.input, kept.output)
    assert [step.model_name for step in config.ensemble_scheduling.step] == [
        "scale_move",
        "shift_twice",
    ]
    fused = InProcess(shop.out).run("toy", X)
    assert fused.keys() == plain.keys() == {"y", "z", "count"}
    for name, array in plain.items():
        np.testing.assert_array_equal(fused[name], array)
        # The stage counts in INT64, and its config says INT32, as a server sends it.
        assert fused[name].dtype == (np.int32 if name == "count" else np.float32)
    assert not verify(shop.out), "running it left files behind"
    model = onnx.load(shop.out / "scale_move" / "1" / "model.onnx")
    assert [each.name for each in (*model.graph.input, *model.graph.output)] == ["x", "moved"]


@pytest.mark.thorough
def test_beside_leaves_the_pipeline_and_adds_its_fused_form(shop: Shop) -> None:
    shop.build(fuse="beside", bls=True)
    assert set(read_manifest(shop.out).models) == {
        *("scale", "move", "shift", "twice", "toy", "toy_bls"),
        *("scale_move", "shift_twice", "toy_fused"),
    }
    run = InProcess(shop.out).run
    for name, array in run("toy", X).items():
        np.testing.assert_array_equal(run("toy_fused", X)[name], array)


@pytest.mark.thorough
def test_a_fused_pipeline_has_a_fused_bls_model(shop: Shop) -> None:
    shop.build(fuse=True, bls=True)
    flow = json.loads((shop.out / "toy_bls" / "1" / "flow.json").read_text())
    assert [step["model"] for step in flow["steps"]] == ["scale_move", "shift_twice"]


def test_parts_are_compared_with_their_sources_and_the_whole_with_its_parts(shop: Shop) -> None:
    shop.build(fuse=True)
    assert shop.told.ran().keys() == {*ALL, *OWN}
    manifest = read_manifest(shop.out)
    assert manifest.models["scale_move"]["exports"] == [FUSED]
    record = manifest.exports[FUSED]
    assert record["parts"] == ["toy/scale", "toy/move"]
    assert record["facts"]["merged"] == ["scale", "move"]
    assert record["parity"]["allowed_absolute"] == {"moved": 1e-6}
    assert len(record["parity"]["differences"]) == len(
        manifest.exports["toy/scale"]["parity"]["differences"]
    )


@pytest.mark.thorough
def test_the_whole_is_made_again_when_a_part_changes_and_only_then(shop: Shop) -> None:
    first = shop.plan(fuse=True)
    assert Fused("toy", "scale_move", ("scale", "move")) in shop.dry_run(fuse=True).fusing.fused
    waits = ("depends", "follows export toy/scale, toy/move")
    assert {first[each] for each in OWN} == {waits}
    shop.build(fuse=True)
    assert {action for action, _ in shop.plan(fuse=True).values()} == {"cached", "keep"}
    shop.build(fuse="beside")
    assert not OWN & shop.told.ran().keys()
    shop.set_weights(factor=2.1, shift=1.0)
    shop.build(fuse=True)
    assert shop.told.ran()[f"export {FUSED}"] == "part scale changed"


def test_a_metric_does_not_wait_for_exports_of_other_pipelines(shop: Shop) -> None:
    shop.build()
    planned = shop.plan(fuse="beside")
    assert planned[f"export {FUSED}"][0] == "build"
    assert planned["metric toy/error"][0] == "cached"


def test_neighbours_that_stay_apart_are_told_with_the_reason(shop: Shop) -> None:
    parameters = {"move": {"parameters": {"intra_op_thread_count": "2"}}}
    told = shop.dry_run(fuse=True, models=parameters).fusing.apart
    why = "'scale' and 'move' have different parameters: none and intra_op_thread_count 2"
    assert Apart("toy", ("scale",), ("move",), why) in told


@pytest.mark.thorough
def test_a_profile_sets_parts_and_the_whole(shop: Shop) -> None:
    settings = {
        "scale": {"instances": 3},
        "scale_move": {"queue": {"max_size": 5}},
        "shift_twice": {"parameters": {"twice.factor": 5}},
        "twice": {"instances": 2},
    }
    shop.build(fuse=True, models=settings)
    config = read_config(shop.out / "scale_move" / "config.pbtxt")
    assert config.instance_group[0].count == 3
    assert config.dynamic_batching.default_queue_policy.max_queue_size == 5
    assert read_config(shop.out / "shift_twice" / "config.pbtxt").instance_group[0].count == 2
    found = InProcess(shop.out).run("toy", X)
    np.testing.assert_array_equal(found["z"], found["y"] * 5)
    with pytest.raises(ProfileError, match="Did you mean 'scale_move'"):
        shop.build(fuse=True, models={"scale_mov": {"instances": 1}})
    with pytest.raises(ProfileError, match=r"one of shift.factor|one of twice.factor"):
        shop.build(fuse=True, models={"shift_twice": {"parameters": {"factor": 5}}})


@pytest.mark.thorough
def test_a_whole_beyond_its_parts_bounds_fails_with_one_command(shop: Shop) -> None:
    shop.build(fuse=True)
    # As if merging had changed a weight.
    shop.edit("family.py", "from . import", "from . import spoiled\nfrom . import")
    shutil.copy(shop.family / "exports.py", shop.family / "spoiled.py")
    (shop.family / "spoiled.py").write_text(
        "from builders.kit.onnx.merging import merged\n\n"
        "def merge(parts, outputs, real=merged.merge):\n"
        "    model = real(parts, outputs)\n"
        "    constants = [each for each in model.graph.initializer if each.name == '0/value']\n"
        "    constants[0].raw_data = b'\\0\\0\\0\\0'\n"
        "    return model\n\nmerged.merge = merge\n"
    )
    shop.set_weights(factor=2.25, shift=1.0)
    forget_toys()
    kept = vars(merged)["merge"]
    try:
        with pytest.raises(BuildError) as caught:
            shop.build(fuse=True)
        (finding,) = caught.value.findings
        assert finding.where == f"parity {FUSED}"
        assert "allowed 1e-06 absolute" in finding.found
        with pytest.raises(ParityError):
            reproduce(
                shop.profile(fuse=True), f"parity {FUSED}", cache=shop.cache, checkout=shop.checkout
            )
    finally:
        vars(merged)["merge"] = kept


@pytest.mark.thorough
def test_a_comparison_alone_makes_the_parts_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from builders.kit.recipe import recipe

    monkeypatch.setattr(recipe, "Checkout", lambda: shop.checkout)
    profile = shop.profile(fuse=True)
    result = reproduce_of(profile, "toy", "scale_move.fused")
    assert {each.output for each in result.differences} == {"moved"}


@pytest.mark.thorough
def test_a_list_of_contents_names_the_sources_of_every_part(shop: Shop) -> None:
    shop.edit("family.py", 'name="move",\n    source="weights"', 'name="move",\n    source="other"')
    shop.edit(
        "family.py",
        '{"weights": "path:nowhere.json"}',
        f'{{"weights": "path:x", "other": "path:{shop.weights}"}}',
    )
    shop.build(fuse=True)
    listed = json.loads(sbom(read_manifest(shop.out), None))
    on = {each["ref"]: each.get("dependsOn") for each in listed["dependencies"]}
    assert on["model/scale_move"] == ["source/toy/other", "source/toy/weights"]
