from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.gateway.running import Gateway, running, settings
from tests.waiting import answers

DOUBLE = Path(__file__).parent / "double"
"""A repository with a model that fulfils the contract of ``generate``, or breaks it if told to."""


@pytest.fixture(scope="session")
def double(server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    """A server of the double."""
    server = LocalServer(DOUBLE, environment=server_environment)
    server.start()
    assert not server.failed_models()
    yield server
    alive = answers(server)
    server.stop(now=True)
    assert alive, "the server ended by itself, in the tests of the gateway"


@pytest.fixture(scope="session")
def gateway(double: LocalServer) -> Iterator[Gateway]:
    """A gateway before the double, with what is on by default."""
    with running(settings(double.grpc)) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def client(gateway: Gateway) -> OpenAI:
    """OpenAI's own client of it."""
    return gateway.client()
