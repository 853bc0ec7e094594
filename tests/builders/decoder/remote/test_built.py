"""A repository that is built from a profile with a remote decoder, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from builders.kit.build.build import build
from builders.kit.recipe.profile import load_profile
from builders.kit.resources.measure import measure
from builders.kit.tasks.cache import Cache
from repository.manifest import read_manifest
from repository.usage.found import usages
from runtime.inprocess import InProcess
from tests.builders.decoder.remote.stub import Stub, stub

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def remote() -> Iterator[Stub]:
    with stub() as server:
        yield server


@pytest.fixture(scope="module")
def repository(remote: Stub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    options = {"engine": "remote", "remote": {"url": remote.url, "model": "toy"}}
    profile = {"triton": "24.10", "families": {"decoder": options}}
    (folder / "mine.yaml").write_text(json.dumps(profile), "utf-8")
    out = folder / "repository"
    build(load_profile(folder / "mine.yaml"), out, cache=Cache(folder / "cache"))
    return out


def test_it_has_the_pipeline_and_nothing_of_a_checkpoint(repository: Path) -> None:
    manifest = read_manifest(repository)
    assert list(manifest.models) == ["generate"]
    assert manifest.families["decoder"]["sources"] == {}


def test_it_answers(repository: Path) -> None:
    with InProcess(repository) as process:
        answer = process.run("generate", {"text_input": np.array([b"hello"], np.object_)})
    assert answer["text_output"].tolist() == [b"hello"]


def test_it_has_no_known_answer_and_is_sized_without_the_server(
    repository: Path, remote: Stub
) -> None:
    declared = usages(repository)
    usage = declared.of("generate")
    assert usage is not None
    assert usage.question is None
    assert usage.requests
    before = len(remote.exchanges)
    load = measure(repository, {"generate": None}, declared)
    assert len(remote.exchanges) == before
    assert (load.models, load.tensors > 8_000_000) == ({}, True)
    assert load.requests == ("generate: a chat about an image file of 8 MB, by its size",)
