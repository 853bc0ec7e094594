"""Rows of classifiers and regressors, as onnxruntime gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from repository.check.onnx.rows import with_rows
from repository.onnx.header import read_header
from repository.onnxruntime_rules.facts import Rows

EXPORTED = Path(__file__).parents[3] / "builders/onnx/exported"
CONFIG = {"max_batch_size": 4}
TABLES = [
    *sorted(EXPORTED.glob("sklearn_*.onnx")),
    *sorted(EXPORTED.glob("xgboost_*.onnx")),
]
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(string)": np.object_}


def rows_of(path: Path) -> dict[str, Rows | None]:
    return {each.name: each.rows for each in with_rows(read_header(path), CONFIG).outputs}


@pytest.mark.parametrize(
    "path",
    [path for path in TABLES if "zipmap" not in path.stem and "locale" not in path.stem],
    ids=lambda path: path.stem,
)
def test_each_row_of_a_table_has_one_in_every_output(path: Path) -> None:
    assert all(rows is not None and rows.batch for rows in rows_of(path).values())
    session = onnxruntime.InferenceSession(path)
    inputs = {}
    for each in session.get_inputs():
        shape = [size if isinstance(size, int) else 3 for size in each.shape]
        value = "Ulm" if "string" in each.type else 0
        inputs[each.name] = np.full(shape, value).astype(TYPES[each.type])
    assert {len(each) for each in session.run(None, inputs)} == {3}


def written(path: Path, graph: str) -> Path:
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 17, "ai.onnx.ml": 3]>\n{graph}'
    )
    onnx.save(model, path)
    return path


def test_a_classifier_of_one_row_for_all_is_known(tmp_path: Path) -> None:
    """The table is turned, so that its columns are the batch's rows."""
    graph = """g (float[n, 4] x) => (float[a, b] y, float[c, d] z) {
      t = Transpose(x)
      y = ai.onnx.ml.Normalizer (t)
      z = ai.onnx.ml.Scaler (x)
    }"""
    found = rows_of(written(tmp_path / "x.onnx", graph))
    assert found["y"] == Rows(batch=False, found="4 rows for a batch of 3")
    assert found["z"] is not None and found["z"].batch


def test_texts_of_which_some_may_be_left_out_are_not_known(tmp_path: Path) -> None:
    graph = """g (string[n] x) => (string[k] y)
    { y = StringNormalizer <stopwords = ["the"], is_case_sensitive: int = 1> (x) }"""
    assert rows_of(written(tmp_path / "x.onnx", graph)) == {"y": None}
