"""A real Triton with decoders that answer as they are told, and with some that cannot."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builders.decoder.engines.contract import OUTPUTS, inputs
from builders.kit.graph import PythonModel
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.kit import repositories

TALKER = PythonModel(
    name="talker", inputs=inputs(), outputs=OUTPUTS, stage="toy_talker", streamed=True
)
BLIND = replace(
    TALKER,
    name="blind",
    inputs=tuple(each for each in inputs() if each.name not in ("image", "seed")),
)
DEAF = replace(
    TALKER, name="deaf", inputs=tuple(each for each in inputs() if each.name != "messages")
)


@pytest.fixture(scope="session")
def talking(
    tmp_path_factory: pytest.TempPathFactory, server_environment: ServerEnvironment
) -> Iterator[LocalServer]:
    """It has loaded ``talker``, and ``deaf``, which takes no messages; ``blind`` is not loaded."""
    folder = tmp_path_factory.mktemp("talking")
    stages = str(Path(__file__).parent / "stages")
    sys.path.insert(0, stages)
    importlib.invalidate_caches()
    repositories.write(folder, (TALKER, BLIND, DEAF))
    sys.path.remove(stages)
    server = LocalServer(folder, load=("talker", "deaf"), environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)
