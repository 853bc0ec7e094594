"""What tests of the family onnx share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.onnx.files import Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """An empty folder that is the working directory."""
    monkeypatch.chdir(tmp_path)
    return Bench(tmp_path)
