"""Fixtures of the OCR tests."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from builders.kit.build import build
from builders.kit.inprocess import InProcess
from builders.kit.profile import load_profile

Read = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def pages() -> ModuleType:
    """The page generator, :file:`pages.py` beside this file."""
    name = "ocr_pages"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("pages.py"))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The built pipeline in this process: an encoded file and optional inputs -> its outputs."""
    repository = tmp_path_factory.mktemp("ocr") / "model_repository"
    build(load_profile("demo"), repository)
    pipeline = InProcess(repository)

    def run(encoded: bytes, **options: np.ndarray) -> dict[str, Any]:
        return dict(pipeline.run("ocr", {"image": np.frombuffer(encoded, np.uint8), **options}))

    return run
