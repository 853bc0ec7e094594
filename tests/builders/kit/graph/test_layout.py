"""The files of version folders: copies that need nothing of this project around them."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.kit.checkout import Checkout
from builders.kit.graph import PythonModel, Tensor, closure
from builders.kit.graph.error import GraphError
from builders.kit.graph.layout import clashes, version_files
from repository.arrays import DType
from tests.builders.kit.declared import file


class Exports(dict[str, bytes]):
    def __missing__(self, name: str) -> bytes:
        return b""


STAGES = [
    model
    for family in filter(None, map(Checkout().declared, Checkout().families))
    for model in closure(family.pipelines)
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


KIT = ("__init__", "invalid_argument", "unavailable")
X = Tensor("x", DType.FP32, {"length": -1})


def stage(name: str, *exports: str) -> PythonModel:
    files = tuple(map(file, exports))
    return PythonModel(name="m", inputs=(X,), outputs=(X,), stage=name, exports=files)


@pytest.mark.parametrize(
    "export", ["model.py", "stages", "stages/ctc.py", "stages/__init__.py", "stages/ctc.py/x"]
)
def test_an_export_named_as_a_file_of_the_kit_is_refused(export: str) -> None:
    model = stage("builders.ocr.stages.collect", export)
    assert [found.rule for found in clashes(model)][:1] == ["model-files"]


def test_no_model_of_any_family_has_two_files_of_one_name() -> None:
    assert [found for model in STAGES for found in clashes(model)] == []


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of modules in rooms, whose last names are often equal; each says its own name."""
    for room in ("", "x", "x/y", "z"):
        for name in ("one", "two", "__init__"):
            path = tmp_path / "shelf" / room / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            dotted = f"{room.replace('/', '.')}.{name}".lstrip(".")
            path.write_text("" if name == "__init__" else f"NAME = {dotted!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path / "shelf"
    for name in [name for name in sys.modules if name.partition(".")[0] == "shelf"]:
        del sys.modules[name]


MODULES = [f"{room}{name}" for room in ("", "x.", "x.y.", "z.") for name in ("one", "two")]


def importing(shelf: Path, modules: Sequence[str]) -> PythonModel:
    """A stage that imports those of the shelf."""
    lines = [f"from .{name} import NAME as name_{k}\n" for k, name in enumerate(modules)]
    (shelf / "stage.py").write_text("".join(lines))
    return stage("shelf.stage")


def test_modules_of_one_last_name_are_refused_with_both_their_names(shelf: Path) -> None:
    model = importing(shelf, ["x.one", "z.one"])
    (found,) = clashes(model)
    assert str(found) == (
        "error [model-files] graph, m, stages/one.py: expected one file of a name, found "
        "the module shelf.x.one and the module shelf.z.one. Rename one of them."
    )
    with pytest.raises(GraphError, match=r"shelf\.x\.one and the module shelf\.z\.one"):
        version_files(model, {})


def test_what_is_imported_of_modules_that_are_imported_is_there_too(shelf: Path) -> None:
    model = importing(shelf, ["x.one"])
    (shelf / "x/y/one.py").rename(shelf / "x/y/three.py")
    (shelf / "x/one.py").write_text(
        "def late():\n    from ..z import two\n    from .y.three import NAME\n"
    )
    files = version_files(model, {})
    assert {name for name in files if name.startswith("stages/")} == {
        f"stages/{name}.py" for name in (*KIT, "stage", "one", "two", "three")
    }
    assert files["stages/one.py"] == (
        b"def late():\n    from . import two\n    from .three import NAME\n"
    )


def test_a_module_that_does_not_exist_is_named(shelf: Path) -> None:
    model = importing(shelf, ["x.four"])
    with pytest.raises(ModuleNotFoundError, match=r"shelf\.x\.four"):
        version_files(model, {})


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(MODULES), min_size=1, max_size=5))
def test_every_module_has_a_file_of_its_own_or_the_model_is_refused(
    shelf: Path, chosen: list[str]
) -> None:
    try:
        files = version_files(importing(shelf, chosen), {})
    except GraphError as error:
        assert len({name.rpartition(".")[2] for name in chosen}) < len(set(chosen))
        assert sum(f"shelf.{name}" in str(error) for name in set(chosen)) >= 2
        return
    texts = {Path(each).read_text() for each in files.values() if isinstance(each, Path)}
    assert {f"NAME = {name!r}\n" for name in chosen} <= texts
