"""Fixtures for all tests: real Triton servers, ended however a test ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from builders.kit.recipe.profile import load_profile
from runtime.machine.environment import ServerEnvironment
from runtime.machine.install import install
from runtime.server.server import LocalServer

# A busy machine may take its time over an example; pytest's own limit finds what hangs.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# A shell's background jobs ignore Ctrl-C, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Serve = Callable[..., LocalServer]

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def server_environment() -> ServerEnvironment:
    """The local server's environment, installed if it is not there."""
    return install()


@pytest.fixture(scope="module")
def triton(
    server_environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    """One server for the tests of a module, without models.

    Load models into it with a client's ``load_model(config=…, files=…)``, or write them into
    ``triton.repository`` and ``triton.control.load(name)``; unload what you loaded.
    """
    server = LocalServer(
        tmp_path_factory.mktemp("repository"),
        load=(),
        # As the tests do what a stranger must not, from clients that know no key.
        open_groups=("model-repository", "shared-memory"),
        environment=server_environment,
    )
    server.start()
    yield server
    alive, log = server.control.is_live(), "\n".join(server.log_lines[-40:])
    server.stop(now=True)
    assert alive, f"the server ended by itself, in the tests of this module:\n{log}"


@pytest.fixture
def serve(server_environment: ServerEnvironment) -> Iterator[Serve]:
    """Starts servers: ``serve(repository, **options)``, the options being LocalServer's."""
    started: list[LocalServer] = []

    def start(repository: Path, **options: Any) -> LocalServer:
        server = LocalServer(repository, environment=server_environment, **options)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop(now=True)


@pytest.fixture(scope="session")
def asr_repository() -> Path:
    """The repository that `make build-repo` built, or that the variable MODEL_REPOSITORY names."""
    named = os.environ.get("MODEL_REPOSITORY")
    if not named and "asr" not in load_profile("demo").families:
        pytest.skip("the demo profile builds no asr")
    folder = Path(named or ROOT / "model_repository")
    assert (folder / "asr").is_dir(), "run `make build-repo` before the tests"
    return folder


@pytest.fixture(scope="session")
def asr_server(
    asr_repository: Path, server_environment: ServerEnvironment
) -> Iterator[LocalServer]:
    """One server of speech recognition for all tests, which must leave it as they found it."""
    server = LocalServer(
        asr_repository, load=("asr", "asr_bls", "asr_stream"), environment=server_environment
    )
    server.start()
    yield server
    alive = server.control.is_live()
    server.stop(now=True)
    assert alive, "the server ended by itself, in the tests of speech recognition"
