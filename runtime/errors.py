"""What can stop the runtime; each message is one sentence or more that names the remedy."""

from __future__ import annotations

from repository.errors import KitError


class RuntimeFailure(KitError):
    """Base of all failures that a user of :mod:`runtime` can meet."""


class EnvironmentUnfit(RuntimeFailure):
    """This machine, or its server environment, cannot run the local server."""


class ServerFailed(RuntimeFailure):
    """The server did not start, or ended by itself."""


class ServerDied(ServerFailed):
    """A signal ended the server as it started."""
