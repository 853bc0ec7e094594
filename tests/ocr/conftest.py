"""Fixtures of the OCR tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from builders.kit.build import build
from builders.kit.inprocess import InProcess
from builders.kit.profile import load_profile

Read = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The built pipeline in this process: an encoded file and optional inputs -> its outputs."""
    repository = tmp_path_factory.mktemp("ocr") / "model_repository"
    build(load_profile("demo"), repository)
    pipeline = InProcess(repository)

    def run(encoded: bytes, **options: np.ndarray) -> dict[str, Any]:
        return dict(pipeline.run("ocr", {"image": np.frombuffer(encoded, np.uint8), **options}))

    return run
