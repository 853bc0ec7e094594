"""The readers that are compared."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from perf.against.rapidocr.readers import rapidocr
from repository.onnx.walk import tensors


@pytest.fixture
def logged() -> Iterator[None]:
    """RapidOCR's own lines are silenced for good in a bench, and not in the tests after this."""
    yield
    logging.disable(logging.NOTSET)


def subnormal(model: Path) -> int:
    """How many weights are."""
    found = [
        np.abs(numpy_helper.to_array(each))
        for each in tensors(onnx.load(model))
        if each.data_type == onnx.TensorProto.FLOAT
    ]
    return sum(int(((each > 0) & (each < np.finfo(np.float32).tiny)).sum()) for each in found)


@pytest.mark.usefixtures("logged")
def test_a_flushed_rapidocr_has_no_subnormal_weights(tmp_path: Path) -> None:
    import rapidocr as package

    own = Path(package.__file__).parent / "models"
    rapidocr(tmp_path)
    files = sorted(tmp_path.glob("*.onnx"))
    assert sum(subnormal(own / file.name) for file in files) > 100_000
    assert [subnormal(file) for file in files] == [0, 0, 0]
