"""Commands that take a family by its name take one outside the checkout too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders.cli.app import app
from builders.new.write import write_family
from repository.families.outside import PACKAGE, forget


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("outside")
    write_family("shapes", folder / "own")
    yield folder / "own"
    forget(PACKAGE)


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("where", ["--profile={}/shapes.yaml", "--family=path:{}/shapes"])
def test_its_graph_is_drawn(own: Path, where: str) -> None:
    assert "3. shapes_classify (ONNX)" in call("graph", "shapes", where.format(own))


def test_its_tasks_are_planned(own: Path, tmp_path: Path) -> None:
    told = call("plan", "--profile", own / "shapes.yaml", "--out", tmp_path / "out")
    assert "export shapes/classifier" in told and "model shapes_label" in told


@pytest.mark.thorough
@pytest.mark.parametrize("where", ["--profile={}/shapes.yaml", "--family=path:{}/shapes"])
def test_its_export_is_compared_alone(own: Path, where: str) -> None:
    told = call("parity", "shapes", "classifier", where.format(own))
    assert "logits for planes [7, 3, 32, 32]" in told


MISTAKES = {
    "pipelines=(shapes,)": (
        "pipelines=(shapes)",
        "one Ensemble as pipelines of 'shapes', which are a tuple: (x,), with its comma, at "
        "shapes/family.py, line ",
    ),
    "exports=(LABELS,)": ("exports=(LABELS)", "one Export as exports of 'shapes_label'"),
    "inputs=(pixels,)": ("inputs=(pixels)", "one Tensor as inputs of 'shapes_prepare'"),
    'pipeline="shapes"': (
        'pipeline="shape"',
        "metric accuracy, pipeline: expected one of shapes, found 'shape'. Did you mean 'shapes'?",
    ),
    'better="higher"': ('better="more"', "better: expected lower or higher, found 'more'"),
    "metric.accuracy": ("metric.acuracy", "has no attribute 'acuracy', at shapes/family.py, line"),
    ".stages.label": (".stages.lable", "expected a module 'lable' in"),
}


@pytest.mark.parametrize("right", MISTAKES)
def test_a_mistake_in_its_declaration_is_told_in_a_sentence(tmp_path: Path, right: str) -> None:
    wrong, told = MISTAKES[right]
    write_family("shapes", tmp_path / "own")
    declared = tmp_path / "own" / "shapes" / "family.py"
    assert right in declared.read_text()
    declared.write_text(declared.read_text().replace(right, wrong))
    profile = tmp_path / "own" / "shapes.yaml"
    output = call("plan", "--profile", profile, "--out", tmp_path / "out", code=2)
    assert told in output and "Traceback" not in output


def test_what_is_not_there_is_told(own: Path) -> None:
    profile = f"--profile={own / 'shapes.yaml'}"
    assert "Did you mean 'shapes/classifier'?" in call(
        "parity", "shapes", "classifer", profile, code=2
    )
    assert "expected --profile alone" in call(
        "parity", "shapes", "classifier", profile, f"--family=path:{own / 'shapes'}", code=2
    )
    assert "found nothing at" in call("graph", "shapes", "--family=path:nowhere", code=1)
    assert "no pipeline 'shapes'" in call("graph", "shapes", code=2)
