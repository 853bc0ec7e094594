"""Requests become the arrays that the pipeline takes, or a sentence each."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perf.errors import ScenarioError
from perf.measure.inputs import labels, requests_of
from perf.scenario import InputOptions, Scenario
from repository.config.text import parse

CONFIG = """
name: "toy"
input { name: "image" data_type: TYPE_UINT8 dims: -1 }
input { name: "text" data_type: TYPE_STRING dims: 1 optional: true }
input { name: "score" data_type: TYPE_FP32 dims: 1 optional: true }
input { name: "side" data_type: TYPE_INT32 dims: 1 optional: true }
input { name: "turn" data_type: TYPE_BOOL dims: 1 optional: true }
input { name: "pixels" data_type: TYPE_FP32 dims: [ -1, 3 ] optional: true }
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "page.png").write_bytes(b"\x89PNG")
    np.save(tmp_path / "pixels.npy", np.ones((2, 3), np.float32))
    np.save(tmp_path / "double.npy", np.ones((2, 3)))
    np.save(tmp_path / "flat.npy", np.ones(3, np.float32))
    np.save(tmp_path / "words.npy", np.array(["a"]))
    (tmp_path / "evil.npy").write_bytes(pickle.dumps(np.ones(3)))
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00")
    return tmp_path


def read(files: Path, batch: int = 0, **inputs: object) -> dict[str, np.ndarray]:
    options = {
        name: InputOptions(file=str(files / value[1:]))
        if isinstance(value, str) and value.startswith("@")
        else InputOptions(value=value)  # type: ignore[arg-type]
        for name, value in ({"image": "@page.png"} | inputs).items()
    }
    config = parse(f"{CONFIG} max_batch_size: {batch}".encode(), "toy/config.pbtxt")
    [request] = requests_of(Scenario.model_construct(requests=[options]), config)
    return dict(request)


def test_files_and_values_become_arrays_of_the_pipelines_types(files: Path) -> None:
    made = read(
        files,
        text="@page.png",
        score=["0.5"],
        side=7,
        turn=[True],
        pixels="@pixels.npy",
    )
    assert made["image"].tolist() == list(b"\x89PNG")
    assert made["text"].tolist() == [b"\x89PNG"]
    assert made["text"].dtype == np.object_
    assert {name: array.dtype.name for name, array in made.items()} == {
        "image": "uint8",
        "text": "object",
        "score": "float32",
        "side": "int32",
        "turn": "bool",
        "pixels": "float32",
    }
    assert {name: array.shape for name, array in made.items()}["side"] == (1,)
    assert read(files, text="@words.npy")["text"].tolist() == [b"a"]
    assert read(files, text=["näïve"])["text"].tolist() == ["näïve".encode()]


def test_a_pipeline_that_batches_gets_its_first_axis(files: Path) -> None:
    assert {each.shape for each in read(files, 8, score=[1]).values()} == {(1, 4), (1, 1)}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("imag", "@page.png", "no such input.*Did you mean 'image'"),
        ("score", "@page.png", "FP32 .1., which only a .npy file or a value"),
        ("score", ["x"], "expected FP32 numbers, found 'x'"),
        ("score", [True], "expected FP32 numbers, found True"),
        ("score", [], r"expected the shape \[1\].*found \[0\]"),
        ("score", [1, [2]], "lists of equal length"),
        ("score", [{"a": 1}], "lists of equal length"),
        ("side", ["1.5"], "expected INT32 numbers, found '1.5'"),
        ("side", [1 << 31], "too large"),
        ("turn", [1], "expected true or false, found 1"),
        ("pixels", "@double.npy", "expected FP32, found an array of float64"),
        ("pixels", "@flat.npy", r"expected the shape \[-1, 3\].*found \[3\]"),
        ("pixels", "@evil.npy", "no .npy file of numbers"),
        ("pixels", "@broken.npy", "no .npy file of numbers"),
    ],
)
def test_what_the_pipeline_does_not_take_is_one_sentence(
    files: Path, name: str, value: object, said: str
) -> None:
    with pytest.raises(ScenarioError, match=said) as refused:
        changed: dict[str, Any] = {name: value}
        read(files, **changed)
    assert str(refused.value).startswith(f"Request 1, input '{name}'")
    assert "\n" not in str(refused.value)


def test_a_missing_input_and_all_other_mistakes_are_told_at_once(files: Path) -> None:
    scenario = Scenario.model_construct(
        requests=[
            {"score": InputOptions(value=1)},
            {
                "image": InputOptions.model_construct(file="gone.png"),
                "side": InputOptions(value="x"),
            },
        ]
    )
    with pytest.raises(ScenarioError) as refused:
        requests_of(scenario, parse(CONFIG.encode(), "toy/config.pbtxt"))
    told = str(refused.value).splitlines()
    assert told[0].startswith("Request 1: 'toy' needs image too")
    assert told[1].startswith("Request 2, input 'image' from gone.png: it cannot be read")
    assert told[2].startswith("Request 2, input 'side'")
    assert labels(scenario) == ["request 1", "request 2 (gone.png)"]
