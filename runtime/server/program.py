"""The server's own copy of ``tritonserver``, which refuses gRPC messages over a bound.

Triton 24.10 takes gRPC messages of up to 2 GB, keeps several copies of each, and has no option
for less (``MAX_GRPC_MESSAGE_SIZE`` in grpc_server.cc). One client could fill the memory of the
machine. The bound is one number in the program, and the copy has a smaller one.
"""

from __future__ import annotations

from runtime.errors import ServerFailed
from runtime.guard.state import ServerState
from runtime.machine.environment import ServerEnvironment

DEFAULT_MESSAGE_BYTES = 64 * 2**20
"""Holds a page of 20 million pixels, or five minutes of sound at 48 kHz, uncompressed."""

MOST_MESSAGE_BYTES = 2**31 - 1
"""Triton's own bound."""

_BEFORE = bytes.fromhex("488b9d68fcffff41c74550")
_AFTER = bytes.fromhex("488bb588fcffff48")
"""The code around the number where ``grpc::Server``'s constructor calls ``SetMaxMessageSize``."""


def make(environment: ServerEnvironment, state: ServerState, message_bytes: int) -> str:
    """Makes the program inside the server's state.

    Args:
        environment: has the original.
        state: the server's.
        message_bytes: the largest gRPC message that is taken. A larger one gets RESOURCE_EXHAUSTED
            with both sizes.

    Returns:
        its path.

    Raises:
        OSError: no space, or the environment is not readable.
        ServerFailed: the program is of another release, with its bound in another place.
    """
    original = environment.triton / "bin" / "tritonserver"
    program = original.read_bytes()
    found = _BEFORE + MOST_MESSAGE_BYTES.to_bytes(4, "little") + _AFTER
    if program.count(found) != 1:
        raise ServerFailed(
            f"The bound on gRPC messages cannot be set: {original} is not the program of the "
            "pinned wheel (nvidia-pytriton 0.7.0, Triton 24.10). Install that one again: "
            "python -m runtime install."
        )
    bounded = _BEFORE + message_bytes.to_bytes(4, "little") + _AFTER
    copy = state.folder / "bin" / "tritonserver"
    copy.parent.mkdir()
    copy.write_bytes(program.replace(found, bounded))
    copy.chmod(0o700)
    return str(copy)
