"""Further options for ``tritonserver``, which a user gives after ``--``."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.errors import ServerFailed

_REPEATED = ("--backend-config", "--http-restricted-api", "--grpc-restricted-protocol")
"""Those that Triton takes more than once."""

_INSTEAD = {
    "--http-address": ("host", "host"),
    "--http-port": ("HTTP port", "http_port"),
    "--grpc-address": ("host", "host"),
    "--grpc-port": ("gRPC port", "grpc_port"),
    "--metrics-address": ("host", "host"),
    "--metrics-port": ("metrics port", "metrics_port"),
    "--model-repository": ("model repository", "repository"),
    "--load-model": ("models", "models"),
    "--exit-timeout-secs": ("exit seconds", "exit_seconds"),
}
"""Triton's option -> its meaning, and the runtime's own argument for it."""


def check(further: Sequence[str], own: Sequence[str]) -> None:
    """Refuses options that would undo what the runtime sets and relies on.

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
            told = f"{name} is set by the runtime, which counts on it"
            if name not in _INSTEAD:
                raise ServerFailed(f"{told}; leave it out.")
            what, argument = _INSTEAD[name]
            raise ServerFailed(f"{told}; set the runtime's {what} instead.", arguments=(argument,))
        if name == "--allow-http" and value.lower() in ("false", "0"):
            raise ServerFailed("--allow-http is needed: the runtime asks the server over HTTP.")
