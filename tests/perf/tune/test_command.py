"""``python -m perf tune``: what it says of wrong input, before any server starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from perf.cli import app

REPOSITORY = Path(__file__).parents[3] / "model_repository"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["recognize"], 1, "Did you mean 'recognise'?"),
        (["ocr"], 1, "'ocr' is an ensemble"),
        (["recognise", "--scenario", "none"], 2, "expected a scenario"),
        (["recognise", "--objective", "beauty"], 2, "beauty"),
        (["recognise", "--out", "mine.yaml"], 1, "is no patch of an earlier run"),
    ],
)
def test_wrong_input_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("models: {}\n")
    result = CliRunner().invoke(app, ["tune", *arguments, "--repository", str(REPOSITORY)])
    assert result.exit_code == code
    assert sentence in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert (tmp_path / "mine.yaml").read_text() == "models: {}\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.yaml"]
