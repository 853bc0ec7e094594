"""The calls that change a server, and the key that they ask for.

Triton answers anyone who can reach its ports. Four groups of its calls do more than ask a model. So
each start makes a random key for them, which only the runtime knows.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from runtime.errors import ServerFailed

GROUPS = {
    "model-repository": "run code of their own, and unload models",
    "shared-memory": "read and write what lies in /dev/shm",
    "trace": "write requests to a file that they name",
    "logging": "write the log to a file that they name",
}
"""By Triton's name, and what strangers can do with it."""

HEADER = "admin-key"
"""The header over HTTP, as in kserve/."""

GRPC_HEADER = f"triton-grpc-protocol-{HEADER}"
"""The same over gRPC: Triton puts its prefix before it."""

KEY = "{admin-key}"
"""Stands for the key in a command until the server is started."""

_RESTRICTING = ("--http-restricted-api", "--grpc-restricted-protocol")

_OTHER_SERVICES = ("--allow-sagemaker", "--allow-vertex-ai")
"""Services of Triton's that listen on every address and know no key (24.10)."""


def make_key(folder: Path) -> str:
    """Writes a new key to ``admin-key`` in a folder, for this user's eyes alone.

    Raises:
        OSError: it cannot be written.
    """
    key = secrets.token_hex(32)
    handle = os.open(folder / HEADER, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key)
    return key


def read_key(folder: Path) -> str:
    """The key that :func:`make_key` wrote.

    Raises:
        OSError: there is no key.
    """
    return (folder / HEADER).read_text()


def restricted(opened: Sequence[str]) -> list[str]:
    """What closes the groups: ``tritonserver``'s options, with :data:`KEY` for the key.

    Args:
        opened: groups that stay open to everybody.

    Raises:
        ServerFailed: there is no such group.
    """
    unknown = [group for group in opened if group not in GROUPS]
    if unknown:
        raise ServerFailed(
            f"There is no group {', '.join(unknown)} to open; there are {', '.join(GROUPS)}."
        )
    closed = ",".join(group for group in GROUPS if group not in opened)
    return [f"{name}={closed}:{HEADER}={KEY}" for name in _RESTRICTING if closed]


def checked(further: Sequence[str], opened: Sequence[str]) -> list[str]:
    """A user's options for ``tritonserver``, and those that keep its other services shut.

    Args:
        further: the options.
        opened: groups that stay open to everybody.

    Raises:
        ServerFailed: one of them would open what is closed.
    """
    closed = [group for group in GROUPS if group not in opened]
    names = set()
    for option in further:
        name, _, value = option.partition("=")
        names.add(name)
        if name == "--":  # to Triton the end of all options
            raise ServerFailed("Give the options for tritonserver after one -- only.")
        if name in _OTHER_SERVICES and closed and value.lower() not in ("false", "0"):
            raise ServerFailed(
                f"{name} opens a service that listens on every address and asks for no key, which "
                f"goes only with these groups open: {', '.join(GROUPS)}."
            )
        both = [group for group in value.partition(":")[0].split(",") if group in closed]
        if name in _RESTRICTING and both:
            raise ServerFailed(
                f"{name} names {', '.join(both)}. Those are restricted already, by a key that only "
                "the runtime knows, and Triton takes each group once: leave them out."
            )
    # Last, as the last value counts.
    return [*further, *(f"{name}=false" for name in _OTHER_SERVICES if name not in names)]
