"""The demo checkpoint's decoder, made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.decoder.exports.exports import make_decoder
from builders.kit.paths import BUILDERS

DEMO = BUILDERS / "vision" / "demo" / "vision"


@pytest.fixture(scope="session")
def demo_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version folder of the demo's decoder in FP32, without the stage."""
    folder = tmp_path_factory.mktemp("demo") / "decoder"
    make_decoder(DEMO, folder)
    return folder
