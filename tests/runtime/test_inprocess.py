"""Data types in process: what a server would refuse is refused here, and told in a sentence."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from repository.arrays import Array
from runtime.inprocess import InProcess, OutputMistaken, RequestMistaken

CONFIG = """
name: "double"
backend: "python"
input {{ name: "x" data_type: {takes} dims: -1 }}
output {{ name: "y" data_type: {gives} dims: -1 }}
parameters {{ key: "stage" value {{ string_value: "double" }} }}
"""


def model(folder: Path, takes: str, gives: str, code: str) -> InProcess:
    """A repository of one stage, which maps ``x`` to ``y`` by an expression."""
    stages = folder / "double" / "1" / "stages"
    stages.mkdir(parents=True)
    (folder / "double" / "config.pbtxt").write_text(CONFIG.format(takes=takes, gives=gives))
    (stages / "__init__.py").touch()
    (stages / "double.py").write_text(
        "import numpy as np\n\n\n"
        "def prepare(folder, parameters):\n"
        f"    return lambda inputs: {{'y': {code}}}\n"
    )
    return InProcess(folder)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros(2), "FP64"),
        (np.zeros(2, np.int32), "INT32"),
        (np.array([b"0"], np.object_), "BYTES"),
        (np.zeros(2, np.complex64), "complex64"),
    ],
    ids=["float64", "int32", "bytes", "complex64"],
)
def test_an_input_of_another_type_is_refused(array: Array, found: str, tmp_path: Path) -> None:
    here = model(tmp_path, "TYPE_FP32", "TYPE_FP32", "2 * inputs['x']")
    with pytest.raises(RequestMistaken, match=f"expected input 'x' as FP32, found {found}"):
        here.run("double", {"x": array})
    right = np.ones(2, np.float32)
    np.testing.assert_array_equal(here.run("double", {"x": right})["y"], 2 * right)


@pytest.mark.parametrize(
    ("declared", "code", "found"),
    [
        ("TYPE_INT32", "inputs['x']", "FP32"),
        ("TYPE_FP32", "np.array([b'1'], np.object_)", "BYTES"),
        ("TYPE_UINT8", "np.array([-1])", "INT64"),
        ("TYPE_STRING", "inputs['x']", "FP32"),
    ],
)
def test_an_output_of_another_kind_is_refused(
    declared: str, code: str, found: str, tmp_path: Path
) -> None:
    here = model(tmp_path, "TYPE_FP32", declared, code)
    with pytest.raises(OutputMistaken, match=f"'double': expected output 'y' as .*found {found}"):
        here.run("double", {"x": np.ones(2, np.float32)})


@pytest.mark.parametrize(
    ("declared", "code", "dtype"),
    [
        ("TYPE_FP32", "inputs['x'] * np.float64(0.1)", np.float32),
        ("TYPE_FP32", "np.arange(2)", np.float32),
        ("TYPE_INT32", "[0, 1]", np.int32),
    ],
)
def test_wider_numbers_are_given_in_the_declared_type(
    declared: str, code: str, dtype: type, tmp_path: Path
) -> None:
    here = model(tmp_path, "TYPE_FP32", declared, code)
    assert here.run("double", {"x": np.ones(2, np.float32)})["y"].dtype == dtype


@pytest.mark.parametrize("code", ["np.array(['a'])", "np.array([b'a'], np.object_)"])
def test_texts_are_texts_however_numpy_has_them(code: str, tmp_path: Path) -> None:
    here = model(tmp_path, "TYPE_STRING", "TYPE_STRING", code)
    assert len(here.run("double", {"x": np.array([b"b"])})["y"]) == 1


MEETING = threading.Barrier(2)
LEFT = threading.Event()


def _meet(at: int) -> str:
    """Begins a stage: it waits for the other, and the second one until the first has ended."""
    wait = "import tests.runtime.test_inprocess as t; t.MEETING.wait(60)"
    return f"{wait}; t.LEFT.wait(60) if {at} else None; from . import beside"


def test_stages_that_are_imported_at_once_leave_no_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def run(at: int) -> None:
        folder = tmp_path / str(at)
        here = model(folder, "TYPE_FP32", "TYPE_FP32", "inputs['x']")
        stages = next(folder.rglob("stages"))
        (stages / "beside.py").touch()
        (stage,) = (each for each in stages.glob("*.py") if "def prepare" in each.read_text())
        stage.write_text(f"{_meet(at)}\n{stage.read_text()}")
        here.run("double", {"x": np.ones(2, np.float32)})
        if at == 0:
            LEFT.set()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
    assert [*tmp_path.rglob("__pycache__")] == []
