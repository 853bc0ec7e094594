"""The files of version folders: copies that need nothing of this project around them."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.kit.family import families, load_family
from builders.kit.graph import PythonModel, Tensor, closure
from builders.kit.graph.layout import clashes, version_files
from repository.arrays import DType


class Exports(dict[str, bytes]):
    def __missing__(self, name: str) -> bytes:
        return b""


STAGES = [
    model
    for family in families()
    for model in closure(load_family(family).pipelines)
    if isinstance(model, PythonModel)
]


@pytest.mark.parametrize("model", STAGES, ids=lambda model: model.name)
def test_a_stage_imports_its_modules_from_its_own_package(model: PythonModel) -> None:
    files = version_files(model, Exports())  # type: ignore[arg-type]
    there = {name.removeprefix("stages/").removesuffix(".py") for name in files}
    for name, content in files.items():
        if not name.startswith("stages/"):
            continue
        text = content if isinstance(content, bytes) else content.read_bytes()
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in getattr(node, "names", [])]
            if isinstance(node, ast.ImportFrom) and node.level:
                assert {node.module} <= there if node.module else set(names) <= there
            elif isinstance(node, ast.Import | ast.ImportFrom):
                from_ = getattr(node, "module", None)
                assert not any(
                    each.startswith("builders") for each in ([from_] if from_ else names)
                )


X = Tensor("x", DType.FP32, {"length": -1})


def stage(name: str, *modules: str, exports: tuple[str, ...] = ()) -> PythonModel:
    return PythonModel(
        name="m", inputs=(X,), outputs=(X,), stage=name, modules=modules, exports=exports
    )


def test_modules_of_one_last_name_are_refused_with_both_their_names() -> None:
    model = stage(
        "builders.ocr.stages.collect",
        "builders.ocr.stages.reading.ctc",
        "builders.asr.stages.reading.ctc",
    )
    (found,) = clashes(model)
    assert str(found) == (
        "error [model-files] graph, m, stages/ctc.py: expected one file of a name, found "
        "the module builders.ocr.stages.reading.ctc and "
        "the module builders.asr.stages.reading.ctc. Rename one of them."
    )
    with pytest.raises(ValueError, match=r"builders\.ocr\.stages\.reading\.ctc and the module"):
        version_files(model, {})


@pytest.mark.parametrize(
    "export", ["model.py", "stages", "stages/ctc.py", "stages/__init__.py", "stages/ctc.py/x"]
)
def test_an_export_named_as_a_file_of_the_kit_is_refused(export: str) -> None:
    model = stage("builders.ocr.stages.reading.ctc", exports=(export,))
    assert [found.rule for found in clashes(model)][:1] == ["model-files"]


def test_no_model_of_any_family_has_two_files_of_one_name() -> None:
    assert [found for model in STAGES for found in clashes(model)] == []


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Modules whose last names are often equal; each says its own name."""
    names = [f"shelf_{a}{b}" for a in ("", "x.", "x.y.", "z.") for b in ("one", "two", "__init__")]
    for name in names:
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"NAME = {name!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return [name for name in names if not name.endswith("__init__")]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_module_has_a_file_of_its_own_or_the_model_is_refused(
    shelf: list[str], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(shelf), min_size=1, max_size=5))
    model = stage(chosen[0], *chosen[1:])
    try:
        files = version_files(model, {})
    except ValueError as error:
        assert len({name.rpartition(".")[2] for name in chosen}) < len(set(chosen))
        assert sum(name in str(error) for name in chosen) >= 2
        return
    texts = {Path(each).read_text() for each in files.values() if isinstance(each, Path)}
    assert {f"NAME = {name!r}\n" for name in chosen} <= texts
