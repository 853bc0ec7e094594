"""A repository of ONNX files goes through every command as any other does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from perf.scenario import load_scenario
from repository.manifest import read_manifest
from repository.usage.found import usages
from tests.builders.onnx.files import (
    Bench,
    ask,
    embedder,
    expected_of_scorer,
    external,
    scorer,
    weights,
)
from tests.conftest import ROOT, Serve

pytestmark = pytest.mark.thorough

MODELS: dict[str, dict[str, Any]] = {
    "scorer": {"source": "path:scorer.onnx", "max_batch_size": 32, "simplify": False},
    "embedder": {"source": "path:embedder.onnx", "largest": {"words": 512}},
    "asked": {"source": "path:embedder.onnx", "inputs": ["path:words.npz"]},
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A repository of three models, one of them with data beside its file."""
    folder = tmp_path_factory.mktemp("chain")
    made = Bench(folder)
    external(scorer(), folder, "scorer.onnx")
    made.save("embedder.onnx", embedder())
    ids = np.array([[1, 10, 0]])
    np.savez(folder / "words.npz", ids=ids, mask=np.ones_like(ids))
    np.savez(folder / "x.npz", x=weights(7, 2, 8))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made.build(MODELS)
        yield made


def call(bench: Bench, *words: object, ended: tuple[int, ...] = (0,)) -> str:
    """A command of the kit, run in the user's folder."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=bench.folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(bench.folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode in ended, done.stderr
    return done.stdout + done.stderr


def test_it_is_checked_signed_verified_and_listed(bench: Bench) -> None:
    key = bench.folder / "private.pem"
    for words in (
        ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key),
        ("pkey", "-in", key, "-pubout", "-out", bench.folder / "public.pem"),
    ):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
    assert "0 errors" in call(bench, "repository", "check", bench.out)
    call(bench, "repository", "sign", bench.out, "--key", key)
    public = bench.folder / "public.pem"
    assert "signed" in call(bench, "repository", "verify", bench.out, "--public-key", public)
    call(bench, "repository", "sbom", bench.out, "--out", "sbom.json")
    listed = json.loads((bench.folder / "sbom.json").read_text())["components"]
    (source,) = [each for each in listed if each["bom-ref"] == "source/onnx/scorer"]
    assert {each["name"] for each in source["components"]} == {"scorer.onnx", "scorer.onnx.data"}
    assert {"name": "triton:licence", "value": "unknown"} in source["properties"]
    assert read_manifest(bench.out).families["onnx"]["sources"]["scorer"]["licence"] == "unknown"
    assert not bench.build(MODELS).changed


def test_a_server_is_sized_for_its_largest_requests(bench: Bench) -> None:
    call(bench, "builders", "resources", bench.out, "--out", "patch.yaml")
    text = (bench.folder / "patch.yaml").read_text()
    assert "scorer: x [32, 8]" in text
    assert "embedder: ids [3, 512], mask [3, 512]" in text
    paths = [each["path"] for each in yaml.safe_load(text)]
    assert "/spec/containers/0/resources/requests/memory" in paths
    given = ("--request", "scorer=x.npz")
    call(bench, "builders", "resources", bench.out, "--out", "other.yaml", *given)
    assert "scorer: x.npz" in (bench.folder / "other.yaml").read_text()


def test_a_model_runs_in_process_on_a_file_of_its_inputs(bench: Bench) -> None:
    told = call(bench, "builders", "run", "scorer", "x.npz", "--repository", bench.out)
    found = json.loads(told[told.index("{") :])["y"]
    np.testing.assert_allclose(found, expected_of_scorer(weights(7, 2, 8)), rtol=1e-5)


def test_requests_are_those_that_it_was_compared_on(bench: Bench) -> None:
    declared = usages(bench.out)
    asked = declared.of("asked")
    assert asked is not None and len(asked.requests) == 1
    ids = asked.requests[0]["ids"]
    assert callable(ids) and ids().tolist() == [[1, 10, 0]]
    made_up = declared.of("embedder")
    assert made_up is not None and len(made_up.requests) == 3
    for request in made_up.requests:
        ids, mask = request["ids"], request["mask"]
        assert callable(ids) and callable(mask)
        assert ids().shape == mask().shape
        assert int(np.max(ids())) <= 10
    in_batches = declared.of("scorer")
    assert in_batches is not None
    rows = [request["x"] for request in in_batches.requests]
    assert [callable(each) and each().shape for each in rows] == [(1, 8)] * 3


def test_requests_are_made_up_and_it_is_said_away_from_the_users_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def told() -> tuple[str, str, list[list[int]]]:
        declared = usages(bench.out)
        asked = declared.of("asked")
        assert asked is not None
        (ids,) = (each["ids"] for each in asked.requests)
        assert callable(ids)
        return load_scenario("asked", declared).but(rounds=2).note, asked.note, ids().tolist()

    assert told() == ("", "", [[1, 10, 0]])
    monkeypatch.chdir(tmp_path)
    note, same, ids = told()
    assert note == same and "path:words.npz" in note and "made up" in note
    assert np.shape(ids) == (1, 3) and ids != [[1, 10, 0]]
    # Another file of that name is not the one that it was compared on.
    np.savez("words.npz", ids=np.ones((2, 5), np.int64), mask=np.ones((2, 5), np.int64))
    assert told() == (note, note, ids)


def test_what_serving_costs_is_measured(bench: Bench) -> None:
    told = call(
        bench,
        *("perf", "compare", "scorer", "--quick", "--repository", bench.out, "--out", "compared"),
        ended=(0, 1),  # on a busy machine some figures are too unsteady
    )
    assert "'scorer' is a single model" in told and "made up" not in told
    result = json.loads((bench.folder / "compared" / "result.json").read_text())
    assert result["single"] and "the ensemble" not in told
    assert {leg["leg"]["mode"] for leg in result["legs"]} == {"ensemble", "in-process"}
    assert not result.get("unfinished")
    measured = [leg for leg in result["legs"] if leg["leg"]["loader"] == "loader"]
    assert all(each["latencies_ms"] for leg in measured for each in leg["rounds"])


def test_a_copy_is_served_away_from_its_sources(bench: Bench, serve: Serve, tmp_path: Path) -> None:
    call(bench, "repository", "push", bench.out, f"pvc:{tmp_path / 'copy'}")
    server = serve(tmp_path / "copy")
    x = weights(7, 2, 8)
    np.testing.assert_allclose(ask(server, "scorer", {"x": x})["y"], expected_of_scorer(x), 1e-5)
    served = ("clients.smoke", f"http://{server.http}", "--repository", bench.out, "--json")
    told = json.loads(call(bench, *served))
    assert {each["pipeline"]: each["result"] for each in told["pipelines"]} == dict.fromkeys(
        MODELS, "ok"
    )
