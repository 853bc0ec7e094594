"""Models in int8: an export made from another, with a comparison of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.kit.build.build import BuildError
from builders.kit.build.only import reproduce
from builders.kit.build.parity import ParityError
from builders.kit.recipe.profile import ModelOptions, ProfileError
from repository.manifest import read_manifest
from tests.builders.kit.build.test_build import ALL, Shop, forget_toys

INT8 = {"scale": {"precision": "int8"}}
OWN = {"export toy/scale.int8", "parity toy/scale.int8"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The toy with a matrix product in the place of a product, which may be in int8."""
    made = Shop(tmp_path)
    made.edit(
        "exports.py",
        'helper.make_node(operator, [source, "constant"], [target]),\n',
        """*(
                [
                    helper.make_node("Unsqueeze", [source, "one"], ["column"]),
                    helper.make_node("MatMul", ["column", "weights.factor"], ["product"]),
                    helper.make_node("Squeeze", ["product", "one"], [target]),
                ]
                if operator == "Mul"
                else [helper.make_node(operator, [source, "constant"], [target])]
            ),
""",
    )
    made.edit(
        "exports.py",
        'numpy_helper.from_array(padding, "padding"),\n',
        """numpy_helper.from_array(padding, "padding"),
            numpy_helper.from_array(np.array([1]), "one"),
            numpy_helper.from_array(np.full((1, 1), value, np.float32), "weights.factor"),
""",
    )
    made.edit(
        "family.py",
        "relative=1e-6,\n    ),\n",
        "relative=1e-6,\n    ),\n    int8=Int8(absolute=0.1, relative=0.01),\n",
    )
    made.edit("family.py", "import Export, Family,", "import Export, Family, Int8,")
    monkeypatch.syspath_prepend(made.root)
    forget_toys()
    return made


def test_a_model_in_int8_is_made_from_the_fp32_export_and_both_are_compared(shop: Shop) -> None:
    shop.build()
    fp32 = (shop.out / "scale/1/model.onnx").read_bytes()
    assert shop.told.ran().keys() == ALL
    result = shop.build(models=INT8)
    assert shop.told.ran().keys() == {*OWN, "metric toy/error"}
    assert result.built == {"scale"}
    assert (shop.out / "scale/1/model.onnx").read_bytes() != fp32
    manifest = read_manifest(shop.out)
    assert manifest.models["scale"]["exports"] == ["toy/scale.int8"]
    assert manifest.exports["toy/scale.int8"]["facts"]["precision"] == "int8"
    assert manifest.exports["toy/scale.int8"]["parity"]["allowed_absolute"] == 0.1
    assert manifest.exports["toy/scale"]["parity"]["allowed_absolute"] == 1e-6
    shop.build()
    assert (shop.out / "scale/1/model.onnx").read_bytes() == fp32


def test_the_plan_knows_what_follows_what(shop: Shop) -> None:
    first = shop.plan(models=INT8)
    assert first["export toy/scale"][0] == "build"
    assert {first[each] for each in OWN} == {("depends", "follows export toy/scale")}
    shop.build(models=INT8)
    assert {action for action, _ in shop.plan(models=INT8).values()} == {"cached", "keep"}
    shop.set_weights(factor=2.1, shift=1.0)
    assert shop.plan(models=INT8)["export toy/scale.int8"][0] == "depends"
    shop.build(models=INT8)
    assert shop.told.ran()["export toy/scale.int8"] == "file made changed"


def test_an_int8_file_beyond_its_bounds_fails_with_one_command(shop: Shop) -> None:
    shop.edit("family.py", "Int8(absolute=0.1", "Int8(absolute=1e-9")
    with pytest.raises(BuildError) as caught:
        shop.build(models=INT8)
    (finding,) = caught.value.findings
    assert finding.where == "parity toy/scale.int8"
    assert "allowed 1e-09 absolute" in finding.found
    profile = shop.profile(models=INT8)
    with pytest.raises(ParityError, match="allowed 1e-09 absolute"):
        reproduce(profile, "parity toy/scale.int8", cache=shop.cache, checkout=shop.checkout)


def test_where_the_fp32_export_fails_its_int8_form_is_not_tried(shop: Shop) -> None:
    shop.edit("exports.py", 'json.loads(checkpoint.read_text())["factor"]', "1 / 0")
    with pytest.raises(BuildError) as caught:
        shop.build(models=INT8)
    assert [finding.where for finding in caught.value.findings] == ["export toy/scale"]
    assert not OWN & shop.told.ran().keys()


@pytest.mark.parametrize(
    ("models", "settings", "expected", "found"),
    [
        ({"shift": {"precision": "int8"}}, {}, "int8 for an ONNX model", "no ONNX model"),
        ({"move": {"precision": "int8"}}, {}, "bounds for int8", "none for 'move'"),
        (INT8, {"device": "gpu"}, "fp32 on a GPU", "int8"),
        ({"scale": {"precision": "int8", "instances": {"kind": "KIND_GPU"}}}, {}, "GPU", "int8"),
    ],
)
def test_int8_where_it_cannot_be_is_refused_before_a_task_runs(
    shop: Shop, models: dict[str, object], settings: dict[str, str], expected: str, found: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        shop.build(models=models, **settings)
    (finding,) = caught.value.findings
    (name,) = models
    assert finding.where == f"profile, models.{name}.precision"
    assert expected in finding.expected
    assert found in finding.found
    assert shop.told.outcomes == []


def test_another_precision_is_no_setting() -> None:
    with pytest.raises(ValueError, match="'fp32' or 'int8'"):
        ModelOptions.model_validate({"precision": "int4"})
