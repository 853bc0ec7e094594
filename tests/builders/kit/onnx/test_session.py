"""Sessions of onnxruntime: made in few places, which are known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from builders.kit.onnx import session
from repository.onnx.content import OnnxError

ROOT = Path(__file__).resolve().parents[4]


def test_all_other_places_are_those_that_the_docstring_names() -> None:
    """The run in process, and stages; the backend beside them is the server's."""
    makers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("repository", "builders", "clients", "perf", "training")
        for path in (ROOT / folder).rglob("*.py")
        if "InferenceSession(" in path.read_text("utf-8")
    }
    makers -= {"builders/kit/onnx/session.py"}
    assert "runtime.inprocess" in (session.__doc__ or "")
    assert "InferenceSession(" in (ROOT / "runtime/inprocess.py").read_text("utf-8")
    assert all(re.fullmatch(r"builders/\w+/stages/[\w/]+\.py", each) for each in makers), makers


def test_what_is_no_model_is_told_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(OnnxError, match=rf"{re.escape(str(path))}: expected a model that onnx"):
        session.make_session(path)
