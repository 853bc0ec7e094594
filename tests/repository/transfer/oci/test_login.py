"""Who we are to a registry, from docker's own configuration and helpers, whatever those hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from repository.transfer.oci.login import credentials

REGISTRY = "registry.example"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration, which is on PATH too."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def helped(folder: Path, answer: str, code: int = 0) -> str:
    """What a helper of docker's leads to that prints an answer."""
    (folder / "config.json").write_text(json.dumps({"credHelpers": {REGISTRY: "toy"}}))
    (folder / "answer").write_text(answer)
    helper = folder / "docker-credential-toy"
    helper.write_text(f'#!/bin/sh\n[ "$(cat)" = {REGISTRY} ] && cat "{folder}/answer"; exit {code}')
    helper.chmod(0o755)
    return credentials(REGISTRY)


def test_a_stored_login(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"auths": {REGISTRY: {"auth": "YTpi"}}}))
    assert credentials(REGISTRY) == "YTpi"
    assert credentials("other.example") == ""


def test_a_helpers_login(folder: Path) -> None:
    assert helped(folder, '{"Username": "a", "Secret": "b"}') == "YTpi"


@pytest.mark.parametrize(
    "answer", ["", "credentials not found", "[]", "null", "3", '{"Username": "a"}', "[" * 100_000]
)
def test_a_helper_that_gives_none(folder: Path, answer: str) -> None:
    assert helped(folder, answer) == ""
    assert helped(folder, '{"Username": "a", "Secret": "b"}', 1) == ""


@pytest.mark.parametrize(
    "config", ["", "[]", "null", '{"auths": []}', '{"credHelpers": 3}', "{" * 100_000]
)
def test_a_configuration_that_is_none(folder: Path, config: str) -> None:
    (folder / "config.json").write_text(config)
    assert credentials(REGISTRY) == ""


def test_a_configuration_that_is_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "config.json")
    assert credentials(REGISTRY) == ""
