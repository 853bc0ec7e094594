"""A user's own inputs and metric: they are held to the model, gate the build, and are watched."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from builders.kit.build.build import BuildError
from builders.kit.onnx import load
from builders.kit.recipe.profile import ProfileError
from repository.manifest import read_manifest
from tests.builders.onnx.files import (
    FLOAT,
    Bench,
    embedder,
    expected_of_scorer,
    graph,
    model,
    scorer,
    value,
    weights,
)

SCORE = '''
"""Which part of the rows gets the right class."""
from pathlib import Path
import numpy as np
import beside

def accuracy(run):
    with np.load(Path(__file__).with_name("answers.npz")) as stored:
        found = run({"x": stored["x"]})["y"].argmax(axis=-1)
        return beside.share(found == stored["y"])
'''

GIVEN = {"scorer": {"source": "path:scorer.onnx", "max_batch_size": 8}}


def with_metric(**options: Any) -> dict[str, dict[str, Any]]:
    metric = {"metric": "path:own/score.py:accuracy", "bound": 0.9}
    return {"scorer": {**GIVEN["scorer"], **metric, **options}}


@pytest.fixture
def scored(bench: Bench) -> Bench:
    """A scorer, and beside it a function that says how good it is."""
    bench.save("scorer.onnx", scorer())
    own = bench.folder / "own"
    own.mkdir()
    (own / "score.py").write_text(SCORE)
    (own / "beside.py").write_text("def share(right):\n    return right.mean()\n")
    x = weights(3, 20, 8)
    np.savez(own / "answers.npz", x=x, y=expected_of_scorer(x).argmax(axis=-1))
    return bench


def test_a_function_gates_the_build(scored: Bench) -> None:
    scored.build(with_metric())
    (metric,) = read_manifest(scored.out).metrics
    assert (metric["name"], metric["value"], metric["bound"]) == ("scorer.accuracy", 1.0, 0.9)
    with pytest.raises(BuildError, match=r"metric onnx/scorer\.accuracy.*at most 0\.5, found 1"):
        scored.build(with_metric(better="lower", bound=0.5))


def test_its_paths_start_at_the_profile(
    scored: Bench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(scored.folder / "rows.npz", x=weights(5, 3, 8))
    asked = with_metric(inputs=["path:rows.npz"], metric_data=["path:own/answers.npz"])
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert scored.build(asked).changed


@pytest.mark.parametrize("file", ["score.py", "beside.py", "answers.npz"])
def test_what_the_function_reads_is_watched(scored: Bench, file: str) -> None:
    scored.build(with_metric())
    assert not scored.build(with_metric()).changed
    assert scored.ran == []
    path = scored.folder / "own" / file
    if file == "answers.npz":
        x = weights(4, 20, 8)
        np.savez(path, x=x, y=expected_of_scorer(x).argmax(axis=-1))
    else:
        path.write_text(path.read_text() + "\n# other\n")
    scored.build(with_metric())
    assert scored.ran == ["metric onnx/scorer.accuracy"]


def test_a_changed_file_is_made_anew(scored: Bench) -> None:
    scored.build(GIVEN)
    made = scorer()
    made.graph.initializer[1].raw_data = weights(9, 3).tobytes()
    scored.save("scorer.onnx", made)
    assert scored.build(GIVEN).changed
    assert scored.ran == ["export onnx/scorer", "parity onnx/scorer"]


BAD_FUNCTIONS = {
    "return float('nan')": "score.py, function accuracy: ValueError: nan",
    "return run({'x': stored['x']})['score']": "no output 'score'; the model has y",
    "return 1 / 0": "line 9: ZeroDivisionError: division by zero",
    "return '0.95'": "function accuracy: TypeError: the text '0.95'",
    "import sys; sys.exit(0)": "line 9: SystemExit: 0",
    "return None": "function accuracy: TypeError",
    "return run({'z': stored['x']})": "'scorer' has no input ['z']; it has ['x']",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("body", BAD_FUNCTIONS)
def test_a_function_that_gives_no_number_fails_the_build(scored: Bench, body: str) -> None:
    text = SCORE.replace('found = run({"x": stored["x"]})["y"].argmax(axis=-1)', body)
    (scored.folder / "own" / "score.py").write_text(text)
    with pytest.raises(BuildError) as caught:
        scored.build(with_metric())
    assert BAD_FUNCTIONS[body] in str(caught.value)
    assert not scored.out.exists()


BAD_METRICS = {
    "path:own/score.py:acuracy": ("'acuracy'", "Did you mean 'accuracy'?"),
    "path:own/none.py:accuracy": ("none.py: expected a file, found none", "Mend it."),
    "path:own/score.py": ("'path:own/score.py'", "Write it so: the file, a colon"),
    "own/score.py:accuracy": ("expected 'path:FILE'", "Mend it."),
    "path:own/broken.py:accuracy": ("broken.py, line 1: expected Python", "Mend the line."),
}


@pytest.mark.parametrize("metric", BAD_METRICS)
def test_a_function_that_is_not_there_is_refused_by_the_plan(scored: Bench, metric: str) -> None:
    (scored.folder / "own" / "broken.py").write_text("def accuracy(:\n")
    (finding,) = scored.refusals(with_metric(metric=metric))
    found, remedy = BAD_METRICS[metric]
    assert found in str(finding)
    assert finding.remedy == remedy or finding.remedy.startswith(remedy)
    assert finding.where.startswith("mine.yaml, line 9, families.onnx.models.scorer.metric")


def test_a_users_inputs_are_compared_on(bench: Bench) -> None:
    bench.save("embedder.onnx", embedder())
    ids = np.array([[1, 10, 0]])
    np.savez(bench.folder / "one.npz", ids=ids, mask=np.ones_like(ids))
    models = {"embedder": {"source": "path:embedder.onnx", "inputs": "path:one.npz"}}
    bench.build(models)
    differences = read_manifest(bench.out).exports["onnx/embedder"]["parity"]["differences"]
    assert [each["inputs"] for each in differences] == [{"ids": [1, 3], "mask": [1, 3]}]
    assert not bench.build(models).changed
    np.savez(bench.folder / "one.npz", ids=ids[:, :2], mask=np.ones_like(ids[:, :2]))
    bench.build(models)
    assert "parity onnx/embedder" in bench.ran


def test_a_file_is_picked_from_a_folder(bench: Bench) -> None:
    (bench.folder / "snapshot" / "onnx").mkdir(parents=True)
    for name in ("model.onnx", "model_fp16.onnx"):
        bench.save(f"snapshot/onnx/{name}", scorer())
    options = {"source": "path:snapshot", "max_batch_size": 8}
    (finding,) = bench.refusals({"scorer": options})
    assert "expected one ONNX file, found onnx/model.onnx, onnx/model_fp16.onnx" in finding.found
    (finding,) = bench.refusals({"scorer": {**options, "file": "onnx/other.onnx"}})
    assert "expected 'onnx/other.onnx', found onnx/model.onnx" in finding.found
    (finding,) = bench.refusals({"scorer": {**options, "file": "../snapshot/onnx/model.onnx"}})
    assert "Name one of them" in finding.found
    bench.build({"scorer": {**options, "file": "onnx/model.onnx"}})
    assert (bench.out / "scorer" / "1" / "model.onnx").is_file()
    assert not bench.build({"scorer": {**options, "file": "onnx/model.onnx"}}).changed


def test_weights_of_8_bits_are_held_to_their_bound(bench: Bench) -> None:
    product = helper.make_node("MatMul", ["x", "W"], ["y"])
    ends = [value("x", FLOAT, ["N", 64])], [value("y", FLOAT, ["N", 32])]
    bench.save("wide.onnx", model(graph([product], *ends, {"W": weights(0, 64, 32)})))
    options = {"source": "path:wide.onnx", "max_batch_size": 8}
    bench.build({"wide": {**options, "int8": {"relative": 0.05}}})
    assert "parity onnx/wide.int8" in bench.ran
    made = load(bench.out / "wide" / "1" / "model.onnx")
    assert "MatMulInteger" in {node.op_type for node in made.graph.node}
    with pytest.raises(BuildError, match=r"wide\.int8.*allowed inf absolute and 1e-06 relative"):
        bench.build({"wide": {**options, "int8": {"relative": 1e-6}}})
    with pytest.raises(ProfileError, match=r"wide\.int8: expected a bound"):
        bench.plan({"wide": {**options, "int8": {"keep": "W"}}})
    with pytest.raises(ProfileError, match=r"wide\.int8: expected fp32 on a GPU"):
        bench.plan({"wide": {**options, "int8": {"relative": 0.05}}}, device="gpu")


BAD_INPUTS: dict[str, tuple[Mapping[str, Any], list[str]]] = {
    "names": (
        {"idz": np.array([[1]]), "mask": np.array([[1]])},
        ["found 'idz'. Did you mean 'ids'?", "expected an array 'ids', found arrays idz, mask"],
    ),
    "types": (
        {"ids": np.array([[1]], np.int32), "mask": np.array([[1.0]])},
        ["tensor 'ids': expected int64, found int32", "tensor 'mask': expected int64, found float"],
    ),
    "shapes": (
        {"ids": np.array([1]), "mask": np.array([[1]])},
        ["tensor 'ids': expected the shape [batch, words], found [1]"],
    ),
    "sizes": (
        {"ids": np.array([[1, 2]]), "mask": np.array([[1]])},
        ["tensor 'mask': expected 2 for the axis 'words', as in 'ids', found 1"],
    ),
    "objects": (
        {"ids": np.array([[None]], object), "mask": np.array([[1]])},
        ["expected a .npz file of arrays, found Python objects"],
    ),
}


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_inputs_that_the_model_does_not_take_are_refused(bench: Bench, kind: str) -> None:
    arrays, said = BAD_INPUTS[kind]
    bench.save("embedder.onnx", embedder())
    np.savez(bench.folder / "one.npz", **arrays)
    findings = bench.refusals(
        {"embedder": {"source": "path:embedder.onnx", "inputs": ["path:one.npz"]}}
    )
    for text, finding in zip(said, findings, strict=True):
        assert text in str(finding)
        assert "mine.yaml, line 8, families.onnx.models.embedder.inputs" in finding.where


def test_inputs_without_values_are_refused(bench: Bench) -> None:
    bench.save("scorer.onnx", scorer())
    np.savez(bench.folder / "one.npz", x=weights(0, 0, 8))
    (finding,) = bench.refusals(
        {"scorer": {"source": "path:scorer.onnx", "inputs": "path:one.npz"}}
    )
    assert "at least one value to compare on, found the shape [0, 8]" in str(finding)


def test_a_function_may_print_and_change_its_folder(
    scored: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SCORE.replace("import beside", "import beside, os\nprint('loud')\nos.chdir('/')")
    (scored.folder / "own" / "score.py").write_text(text)
    scored.build(with_metric())
    assert Path.cwd() == scored.folder
    out, err = capsys.readouterr()
    assert "loud" in err and "loud" not in out


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", pickle.dumps([1]), None])
def test_a_file_that_is_no_npz_is_refused(bench: Bench, content: bytes | None) -> None:
    bench.save("scorer.onnx", scorer())
    if content is not None:
        bench.save("one.npz", content)
    (finding,) = bench.refusals(
        {"scorer": {"source": "path:scorer.onnx", "inputs": "path:one.npz"}}
    )
    assert "one.npz: expected a" in str(finding)


def test_sizes_that_no_axis_has_are_refused(bench: Bench) -> None:
    bench.save("scorer.onnx", scorer())
    models = {"scorer": {"source": "path:scorer.onnx", "sizes": {"M": [1, 2, 3]}}}
    (finding,) = bench.refusals(models)
    assert finding.where == "mine.yaml, line 8, families.onnx.models.scorer.sizes"
    assert (finding.expected, finding.found) == ("dynamic axes of its inputs: N, x.0", "'M'")


def test_sizes_are_those_that_it_is_compared_at(bench: Bench) -> None:
    bench.save("scorer.onnx", scorer())
    bench.build({"scorer": {"source": "path:scorer.onnx", "sizes": {"N": [4, 9, 6]}}})
    differences = read_manifest(bench.out).exports["onnx/scorer"]["parity"]["differences"]
    assert [each["inputs"]["x"] for each in differences] == [[4, 8], [9, 8], [6, 8]]


@pytest.mark.thorough
def test_channels_have_the_one_size_that_the_profile_says(bench: Bench) -> None:
    axes = ["N", "C", "H", "W"]
    picture = graph(
        [helper.make_node("Conv", ["x", "K"], ["y"])],
        [value("x", FLOAT, axes)],
        [value("y", FLOAT, ["N", 2, "H", "W"])],
        {"K": weights(0, 2, 3, 1, 1)},
    )
    bench.save("picture.onnx", model(picture))
    asked = {"source": "path:picture.onnx", "max_batch_size": 8}
    with pytest.raises(BuildError, match=r"sizes: {AXIS:"):
        bench.build({"picture": asked})
    bench.build({"picture": {**asked, "sizes": {"C": [3, 3, 3]}}})
    differences = read_manifest(bench.out).exports["onnx/picture"]["parity"]["differences"]
    shapes = [each["inputs"]["x"] for each in differences]
    assert {shape[1] for shape in shapes} == {3} and len({shape[2] for shape in shapes}) == 3
    # One size of the batch would hide a graph that is made for it.
    with pytest.raises(BuildError, match="several sizes of the dynamic axis 0 of 'x'"):
        bench.build({"picture": {**asked, "sizes": {"C": [3, 3, 3], "N": [1, 1, 1]}}})


def test_inputs_of_nan_alone_are_refused(bench: Bench) -> None:
    bench.save("scorer.onnx", scorer())
    np.savez(bench.folder / "good.npz", x=weights(0, 2, 8))
    np.savez(bench.folder / "nan.npz", x=np.full((2, 8), np.nan, np.float32))
    asked = {"source": "path:scorer.onnx", "inputs": ["path:good.npz", "path:nan.npz"]}
    with pytest.raises(BuildError, match=r"example 2, inputs x \[2, 8\]: .* found NaN alone"):
        bench.build({"scorer": asked})


def test_modules_of_one_name_beside_two_functions_stay_apart(scored: Bench) -> None:
    other = scored.folder / "other"
    shutil.copytree(scored.folder / "own", other)
    (other / "beside.py").write_text("def share(right):\n    return right.mean() / 2\n")
    models = {
        **with_metric(),
        "again": {
            "source": "path:scorer.onnx",
            "metric": "path:other/score.py:accuracy",
            "bound": 0.4,
        },
    }
    scored.build(models)
    values = {each["name"]: each["value"] for each in read_manifest(scored.out).metrics}
    assert values == {"scorer.accuracy": 1.0, "again.accuracy": 0.5}
