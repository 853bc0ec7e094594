"""Sizes that a checkpoint brings: into every tensor with that axis, and never two for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from builders.kit.emit.config import configs_of
from builders.kit.emit.sizes import sized
from builders.kit.family import Family
from builders.kit.graph import Ensemble, OnnxModel, PythonModel, Tensor
from builders.kit.onnx.files import save
from builders.kit.recipe.profile import ProfileError
from builders.kit.recipe.recipe import Recipe
from repository.arrays import DType
from repository.config.proto import pb
from repository.release import release
from tests.builders.kit.declared import export

words = Tensor("words", DType.FP32, {"rows": -1, "vocabulary": -1})
reader = OnnxModel(
    name="reader",
    inputs=(Tensor("sound", DType.FP32, {"rows": -1, "length": -1}),),
    outputs=(words,),
    export=export("reader"),
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
        f"toy/{model.export.name}": model.export for model in models if isinstance(model, OnnxModel)
    }
    toy = Family(name="toy", sources={}, pipelines=(), metrics=())
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


def served(whole: Recipe, exports: Mapping[str, Path]) -> dict[str, pb.ModelConfig]:
    return sized(whole, configs_of(whole.models), exports)


def dims(tensor: pb.ModelInput | pb.ModelOutput) -> list[int]:
    return list(tensor.dims)


def test_every_tensor_with_the_axis_gets_the_size_wherever_the_model_stands(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "reader", 321)
    configs = served(recipe(reader, spell, both), {"toy/reader": path})
    assert dims(configs["reader"].output[0]) == [-1, 321]
    assert dims(configs["spell"].input[0]) == [-1, 321]
    assert dims(configs["both"].output[0]) == [321]


def test_a_model_that_batches_has_no_batch_axis_in_its_config_and_gets_the_others_right(
    tmp_path: Path,
) -> None:
    many = replace(reader, max_batch_size=8)
    one = replace(many, outputs=(Tensor("words", DType.FP32, {"rows": -1}),))
    path = write(tmp_path / "reader", 321)
    assert dims(served(recipe(many), {"toy/reader": path})["reader"].output[0]) == [321]
    assert dims(served(recipe(one), {"toy/reader": path})["reader"].output[0]) == [1]


def test_a_folder_with_the_weights_beside_the_graph_teaches_as_much(tmp_path: Path) -> None:
    model = onnx.load(write(tmp_path / "inline", 321))
    save(model, tmp_path / "reader", external=True)
    found = served(recipe(reader), {"toy/reader": tmp_path / "reader"})
    assert dims(found["reader"].output[0]) == [-1, 321]
    (tmp_path / "reader" / "model.onnx").unlink()
    untold = served(recipe(reader), {"toy/reader": tmp_path / "reader"})
    assert untold == configs_of([reader]), "the check says what is wrong"


def test_what_models_declare_is_left_as_it_is(tmp_path: Path) -> None:
    whole = recipe(reader, spell, both)
    declared = configs_of(whole.models)
    sized(whole, declared, {"toy/reader": write(tmp_path / "reader", 321)})
    assert declared == configs_of(whole.models)


def test_what_is_dynamic_in_the_file_stays_so(tmp_path: Path) -> None:
    path = write(tmp_path / "reader", "any")
    whole = recipe(reader, spell, both)
    assert served(whole, {"toy/reader": path}) == configs_of(whole.models)
    assert served(whole, {}) == configs_of(whole.models)


def test_two_sizes_for_one_axis_of_a_graph_are_refused_with_both_places(tmp_path: Path) -> None:
    other = replace(reader, name="other", export=export("other"))
    joined = replace(spell, calls=(reader, other))
    paths = {
        "toy/reader": write(tmp_path / "reader", 321),
        "toy/other": write(tmp_path / "other", 99),
    }
    with pytest.raises(ProfileError, match=r"321 in reader\.words and 99 in other\.words"):
        served(recipe(reader, other, joined), paths)


def test_graphs_that_have_nothing_to_do_with_each_other_may_use_a_name_twice(
    tmp_path: Path,
) -> None:
    other = replace(reader, name="other", export=export("other"))
    paths = {
        "toy/reader": write(tmp_path / "reader", 321),
        "toy/other": write(tmp_path / "other", 99),
    }
    configs = served(recipe(reader, other, spell), paths)
    assert dims(configs["reader"].output[0]) == [-1, 321]
    assert dims(configs["other"].output[0]) == [-1, 99]
    assert dims(configs["spell"].output[0]) == [321]
