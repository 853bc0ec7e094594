"""The files of version folders: copies that need nothing of this project around them."""

from __future__ import annotations

import ast

import pytest

from builders.kit.family import families, load_family
from builders.kit.graph import PythonModel
from builders.kit.layout import version_files
from builders.kit.overrides import closure


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
