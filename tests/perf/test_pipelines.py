"""The table of pipelines, and the page that shows it."""

from __future__ import annotations

import pytest

from perf.pipelines import table
from perf.readme import fill
from repository.manifest import read_manifest
from repository.places import ROOT

BUILT = ROOT / "model_repository"
PAGE = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown() -> str:
    return table(BUILT)


def test_every_pipeline_has_a_row_with_its_tensors(shown: str) -> None:
    rows = {row.split("|")[1].strip(" `"): row for row in shown.splitlines()[2:]}
    kinds = {name: model["kind"] for name, model in read_manifest(BUILT).models.items()}
    assert {name for name, kind in kinds.items() if kind in ("ensemble", "bls")} <= rows.keys()
    assert "Read the text of a page. | `image` | `text`, `boxes`" in rows["ocr"]
    assert "| `audio` |" in rows["asr"]
    assert rows["ocr_bls"].endswith("| the same | BLS model |")


def test_the_page_shows_what_the_demo_builds(shown: str) -> None:
    assert fill(PAGE, "pipelines", shown) == PAGE, "write it anew: make readme"
