"""The bound on gRPC messages, on a real Triton."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from runtime import processes
from runtime.errors import ServerFailed
from runtime.guard import state
from runtime.machine.environment import ServerEnvironment
from runtime.server.program import make
from runtime.server.server import LocalServer
from tests.runtime.fixtures import PythonModel

BOUND = 2**20


@pytest.fixture(scope="module")
def server(
    server_environment: ServerEnvironment,
    tmp_path_factory: pytest.TempPathFactory,
    python_model: PythonModel,
) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("bounded")
    python_model(folder, "echo", work="pass")
    with LocalServer(folder, environment=server_environment, grpc_message_bytes=BOUND) as started:
        yield started
        started.stop(now=True)


def ask(client: grpc.InferenceServerClient, size: int) -> np.ndarray:
    given = np.arange(size, dtype=np.float32)
    tensor = grpc.InferInput("x", [size], "FP32")
    tensor.set_data_from_numpy(given)
    answer = client.infer("echo", [tensor]).as_numpy("y")
    assert answer is not None
    np.testing.assert_array_equal(answer, given)
    return answer


def test_a_message_over_the_bound_is_refused_with_both_sizes(server: LocalServer) -> None:
    with grpc.InferenceServerClient(server.grpc) as client:
        ask(client, 250_000)
        with pytest.raises(InferenceServerException) as refused:
            ask(client, 500_000)
        assert refused.value.status() == "StatusCode.RESOURCE_EXHAUSTED"
        told = refused.value.message() or ""
        assert f"vs. {BOUND}" in told and "2000" in told
        ask(client, 250_000)


def test_large_messages_do_not_add_up(server: LocalServer) -> None:
    """glibc keeps some of what was freed (environment.ALLOCATOR), but no more each time."""
    with grpc.InferenceServerClient(server.grpc) as client:
        held = []
        for _ in range(3):
            for _ in range(10):
                with pytest.raises(InferenceServerException, match="larger than max"):
                    ask(client, 4 * 2**20)
            held.append(processes.private_bytes(server.pid))
        ask(client, 250_000)
    # Each round sends 160 MiB.
    assert held[-1] < held[0] + 128 * 2**20


def test_the_program_of_another_release_is_refused(tmp_path: Path) -> None:
    environment = ServerEnvironment(tmp_path / "environment")
    program = environment.triton / "bin" / "tritonserver"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF" + b"\xff\xff\xff\x7f" * 3)
    own = tmp_path / "state"
    own.mkdir()
    with pytest.raises(ServerFailed, match=r"nvidia-pytriton 0\.7\.0.*runtime install"):
        make(environment, state.ServerState(own), BOUND)
    assert not any(own.iterdir())
