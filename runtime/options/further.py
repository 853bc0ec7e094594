"""Further options for ``tritonserver``, which a user gives after ``--``."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.errors import ServerFailed

_REPEATED = ("--backend-config", "--http-restricted-api", "--grpc-restricted-protocol")
"""Those that Triton takes more than once."""

_INSTEAD = {
    "--http-address": "host",
    "--http-port": "HTTP port",
    "--grpc-address": "host",
    "--grpc-port": "gRPC port",
    "--metrics-address": "host",
    "--metrics-port": "metrics port",
    "--model-repository": "model repository",
    "--load-model": "models",
    "--exit-timeout-secs": "exit seconds",
}


def check(further: Sequence[str], own: Sequence[str]) -> None:
    """Refuses what would undo an option that the runtime sets and counts on.

    Args:
        further: the user's options.
        own: the runtime's.

    Raises:
        ServerFailed: an option is in both; or the HTTP service, which the runtime asks, is off.
    """
    names = {each.partition("=")[0] for each in own if each.startswith("--")} - {*_REPEATED}
    for option in further:
        name, _, value = option.partition("=")
        if name in names:
            instead = f"; set the runtime's {_INSTEAD[name]} instead" if name in _INSTEAD else ""
            raise ServerFailed(f"{name} is set by the runtime, which counts on it{instead}.")
        if name == "--allow-http" and value.lower() in ("false", "0"):
            raise ServerFailed("--allow-http is needed: the runtime asks the server over HTTP.")
