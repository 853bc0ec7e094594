"""The eyes' figures against transformers: what is written, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from perf.against.transformers.vision import (
    BURST,
    CONCURRENCIES,
    SCENE,
    Result,
    main,
    measure,
    photograph,
    table,
)
from perf.measure.timing import Timing
from repository.places import ROOT
from runtime.machine.environment import ServerEnvironment


def result(**legs: float) -> Result:
    """Legs that take so many seconds an image, whatever else is under way."""
    names = {name.replace("_", " "): seconds for name, seconds in legs.items()}
    names["transformers, one thread"] = names["transformers"] * 2
    return Result(
        timings={name: Timing((seconds,) * 4) for name, seconds in names.items()},
        per_second={name: {n: [n / each] for n in CONCURRENCIES} for name, each in names.items()},
        errors=1,
        difference=2e-6,
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demos_eye_serves_more_than_transformers_in_process(
    server_environment: ServerEnvironment,
) -> None:
    eye = measure(ROOT / "model_repository", SCENE.read_bytes(), 5, 128, burst=BURST)
    shown = table({"the demo's": eye})
    assert eye.errors == 0 and eye.difference < 1e-3, shown
    for rival in ("transformers", "transformers, one thread"):
        assert eye.rate("fused", 4) >= 1.5 * eye.rate(rival, 4), shown
    # Triton joins requests to batches of up to eight.
    assert eye.rate("ensemble", 8) >= 1.5 * eye.rate("ensemble", 1), shown


def test_the_table_divides_by_transformers_and_by_one_at_a_time() -> None:
    shown = table({"the demo's": result(transformers=0.4, in_process=0.1, ensemble=0.2, fused=0.1)})
    lines = shown.splitlines()
    assert "| the demo's | ensemble | 2.00 | ±0 % |" in lines
    assert "| the demo's | in process | 4.00 | ±0 % |" in lines
    assert "| the demo's | fused | transformers, 2 threads | 4.00 | 4.00 | 4.00 |" in lines
    assert "| the demo's | ensemble | transformers, one thread | 4.00 | 4.00 | 4.00 |" in lines
    assert "| the demo's | ensemble | itself, one request at a time | 1.00 | 4.00 | 8.00 |" in lines
    assert "2.0e-06. 1 requests failed." in lines[-1]


def test_an_eye_without_a_fused_form_has_no_row_of_it() -> None:
    shown = table({"mine": result(transformers=0.4, in_process=0.1, ensemble=0.2)})
    assert "| mine | ensemble |" in shown and "fused" not in shown


def test_the_photograph_is_the_same_each_time_and_full_of_detail() -> None:
    encoded = photograph(320, 240)
    assert encoded == photograph(320, 240)
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    assert pixels.shape == (240, 320, 3) and pixels.std() > 30


def test_the_random_eye_has_the_sizes_of_vit_b_16() -> None:
    from training.vision.random import configuration

    tower = configuration().vision_config
    assert (tower.hidden_size, tower.num_hidden_layers, tower.num_attention_heads) == (768, 12, 12)
    assert (tower.intermediate_size, tower.patch_size, tower.image_size) == (3072, 16, 224)


@pytest.mark.parametrize("manifest", [None, '{"families": {}}'], ids=["no repository", "no vision"])
def test_a_repository_that_cannot_be_measured_is_one_sentence(
    tmp_path: Path, manifest: str | None
) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    app = typer.Typer()
    app.command()(main)
    answer = CliRunner().invoke(app, ["--repository", str(tmp_path)])
    assert answer.exit_code == 2
    (line,) = answer.stderr.splitlines()
    # A long path is shortened in its middle.
    assert line.startswith("error: ") and tmp_path.name in line
