"""Fixtures of the OCR tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.inprocess import InProcess

Read = Callable[..., dict[str, Any]]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def read() -> Read:
    """The built pipeline in this process: an encoded file and optional inputs -> its outputs."""
    repository = Path(os.environ.get("MODEL_REPOSITORY") or ROOT / "model_repository")
    assert (repository / "ocr").is_dir(), "run `make build-repo` before the tests"
    pipeline = InProcess(repository)

    def run(encoded: bytes, **options: np.ndarray) -> dict[str, Any]:
        return dict(pipeline.run("ocr", {"image": np.frombuffer(encoded, np.uint8), **options}))

    return run
