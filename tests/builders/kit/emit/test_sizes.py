"""Sizes that a checkpoint brings: into every tensor with that axis, and never two for one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from builders.kit.emit.sizes import sized
from builders.kit.family import Export, Family
from builders.kit.graph import Ensemble, OnnxModel, PythonModel, Tensor
from builders.kit.onnx.files import save
from builders.kit.recipe.profile import ProfileError
from builders.kit.recipe.recipe import Recipe
from repository.arrays import DType
from repository.release import release

words = Tensor("words", DType.FP32, {"rows": -1, "vocabulary": -1})
reader = OnnxModel(
    name="reader",
    inputs=(Tensor("sound", DType.FP32, {"rows": -1, "length": -1}),),
    outputs=(words,),
    export="reader",
)
spell = PythonModel(
    name="spell",
    inputs=(words,),
    outputs=(Tensor("likely", DType.FP32, {"vocabulary": -1}),),
    stage="spell",
    calls=(reader,),
)
both = Ensemble(name="both", inputs=reader.inputs, outputs=spell.outputs, steps=reader >> spell)


def write(path: Path, vocabulary: int | str) -> Path:
    shape = ["rows", vocabulary]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["sound"], ["words"])],
        "g",
        [helper.make_tensor_value_info("sound", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("words", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def recipe(*models: OnnxModel | PythonModel | Ensemble) -> Recipe:
    exports = {
        f"toy/{model.export}": Export(
            name=model.export, source="s", make=lambda a, b: {}, options={}, parity=None
        )
        for model in models
        if isinstance(model, OnnxModel)
    }
    toy = Family(name="toy", sources={}, pipelines=(), exports=(), metrics=())
    return Recipe(
        profile=None,  # type: ignore[arg-type]
        release=release("24.10"),
        families={"toy": toy},
        models=models,
        owners={model.name: ("toy",) for model in models},
        exports=exports,
        sources={},
        left_out=(),
    )


def test_every_tensor_with_the_axis_gets_the_size_wherever_the_model_stands(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "reader", 321)
    models = {m.name: m for m in sized(recipe(reader, spell, both), {"toy/reader": path}).models}
    assert models["reader"].outputs[0].shape == (-1, 321)
    assert models["spell"].inputs[0].shape == (-1, 321)
    assert models["both"].outputs[0].shape == (321,)
    ensemble = models["both"]
    assert isinstance(ensemble, Ensemble)
    assert [step.model for step in ensemble.steps] == [models["reader"], models["spell"]]
    caller = models["spell"]
    assert isinstance(caller, PythonModel) and caller.calls == (models["reader"],)


def test_a_folder_with_the_weights_beside_the_graph_teaches_as_much(tmp_path: Path) -> None:
    model = onnx.load(write(tmp_path / "inline", 321))
    save(model, tmp_path / "reader", external=True)
    (found,) = sized(recipe(reader), {"toy/reader": tmp_path / "reader"}).models
    assert found.outputs[0].shape == (-1, 321)
    (tmp_path / "reader" / "model.onnx").unlink()
    (untold,) = sized(recipe(reader), {"toy/reader": tmp_path / "reader"}).models
    assert untold == reader, "the check says what is wrong"


def test_what_is_dynamic_in_the_file_stays_so(tmp_path: Path) -> None:
    path = write(tmp_path / "reader", "any")
    whole = recipe(reader, spell, both)
    assert sized(whole, {"toy/reader": path}) == whole
    assert sized(whole, {}) == whole


def test_two_sizes_for_one_axis_of_a_graph_are_refused_with_both_places(tmp_path: Path) -> None:
    other = replace(reader, name="other", export="other")
    joined = replace(spell, calls=(reader, other))
    paths = {
        "toy/reader": write(tmp_path / "reader", 321),
        "toy/other": write(tmp_path / "other", 99),
    }
    with pytest.raises(ProfileError, match=r"321 in reader\.words and 99 in other\.words"):
        sized(recipe(reader, other, joined), paths)


def test_graphs_that_have_nothing_to_do_with_each_other_may_use_a_name_twice(
    tmp_path: Path,
) -> None:
    other = replace(reader, name="other", export="other")
    paths = {
        "toy/reader": write(tmp_path / "reader", 321),
        "toy/other": write(tmp_path / "other", 99),
    }
    models = {each.name: each for each in sized(recipe(reader, other, spell), paths).models}
    assert models["reader"].outputs[0].shape == (-1, 321)
    assert models["other"].outputs[0].shape == (-1, 99)
    assert models["spell"].outputs[0].shape == (321,)
