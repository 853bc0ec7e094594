"""Fixtures: a server to be told what to do, and engines for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.builders.decoder.remote.asking import Engine
from tests.builders.decoder.remote.stub import Stub, stub


@pytest.fixture
def server() -> Iterator[Stub]:
    with stub() as server:
        yield server


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builders.decoder.stages.reaching.forward.FIRST_PAUSE", 0.02)


@pytest.fixture
def make(server: Stub) -> Iterator[Callable[..., Engine]]:
    """Makes engines for the server: ``make(**parameters)``."""
    made: list[Engine] = []

    def start(**parameters: object) -> Engine:
        made.append(Engine(str(parameters.pop("url", server.url)), **parameters))
        return made[-1]

    yield start
    for each in made:
        each.remote.close()
