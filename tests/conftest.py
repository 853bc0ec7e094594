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
from tests.waiting import answers

# A busy machine may take its time over an example; pytest's own limit finds what hangs.
settings.register_profile("whole", deadline=None)
# Tests that name no number of examples try fewer, but under `make test-all` and `make test-slow`.
settings.register_profile("quick", settings.get_profile("whole"), max_examples=25)
settings.load_profile("quick")

# A shell's background jobs ignore Ctrl-C, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Serve = Callable[..., LocalServer]

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as thorough the cases that ``sampled`` leaves out of `make test`."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sampled") and not item.get_closest_marker("slow"):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for alike in cases.values():
        (count,) = next(alike[0].iter_markers("sampled")).args
        kept = {number * len(alike) // count for number in range(count)}
        for number, item in enumerate(alike):
            if number not in kept:
                item.add_marker(pytest.mark.thorough)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives a process whole files, or all tests of an ``xdist_group``; fixtures are made once."""
    from xdist.scheduler import LoadGroupScheduling

    class ByFile(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            scope = super()._split_scope(nodeid)
            return nodeid.partition("::")[0] if scope == nodeid else scope

    return ByFile(config, log)


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
    alive, log = answers(server), "\n".join(server.log_lines[-40:])
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
    alive = answers(server)
    server.stop(now=True)
    assert alive, "the server ended by itself, in the tests of speech recognition"
