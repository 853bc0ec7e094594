"""The few calls of Triton's HTTP API that running a server takes.

https://github.com/triton-inference-server/server/tree/main/docs/protocol has the calls. Only the
standard library, so that a server starts in no time; users' requests go through a real client.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from runtime.errors import RuntimeFailure
from runtime.options import admin


class CallFailed(RuntimeFailure):
    """The server answered with an error, or not at all.

    Attributes:
        status: the HTTP status; 0 when there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class ModelStatus:
    """One version of one model in the repository index.

    Attributes:
        name: the model.
        version: its version; empty for a model that never loaded.
        ready: whether it can be called.
        reason: why not.
    """

    name: str
    version: str
    ready: bool
    reason: str


class Control:
    """Talks to one server.

    Args:
        address: ``host:port`` of the HTTP endpoint.
        admin_key: what the server asks for before it obeys; empty if it obeys everybody.
        timeout_seconds: how long any call may take.
    """

    def __init__(self, address: str, *, admin_key: str = "", timeout_seconds: float = 60.0) -> None:
        self._address = address
        self._key = {admin.HEADER: admin_key} if admin_key else {}
        self._timeout = timeout_seconds

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_seconds: float | None = None,
    ) -> bytes:
        """One call, on a connection of its own.

        Raises:
            CallFailed: with the server's own message.
        """
        connection = http.client.HTTPConnection(
            self._address, timeout=timeout_seconds or self._timeout
        )
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise CallFailed(f"No answer from the server at {self._address}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise CallFailed(_message(content) or f"HTTP {answer.status}", answer.status)
        return content

    def is_live(self) -> bool:
        """Whether the server answers; it does when its first models have been loaded."""
        try:
            self.request("GET", "/v2/health/live", timeout_seconds=2.0)
        except CallFailed:
            return False
        return True

    def is_ready(self, model: str) -> bool:
        """Whether Triton calls the model ready. It does so even if the model's stub is dead."""
        try:
            self.request("GET", f"/v2/models/{quote(model)}/ready")
        except CallFailed:
            return False
        return True

    def index(self) -> list[ModelStatus]:
        """All models of the repository."""
        return [
            ModelStatus(
                entry["name"],
                entry.get("version", ""),
                entry.get("state") == "READY",
                entry.get("reason", ""),
            )
            for entry in self._entries()
        ]

    def _entries(self) -> list[dict[str, str]]:
        entries: list[dict[str, str]] = json.loads(self._obeyed("/v2/repository/index"))
        return entries

    def _obeyed(self, path: str, timeout_seconds: float | None = None) -> bytes:
        """A call that asks for the key. No other gets it: Triton may pass headers on to models."""
        return self.request("POST", path, b"{}", self._key, timeout_seconds=timeout_seconds)

    def config(self, model: str) -> dict[str, object]:
        """A loaded model's configuration, as JSON of the ModelConfig message."""
        config = json.loads(self.request("GET", f"/v2/models/{quote(model)}/config"))
        assert isinstance(config, dict)
        return config

    def load(self, model: str, *, timeout_seconds: float | None = None) -> None:
        """Loads a model, and reloads a loaded one whose files have changed.

        Args:
            model: its name.
            timeout_seconds: how long that may take, if not as long as any call.
        """
        self._obeyed(f"/v2/repository/models/{quote(model)}/load", timeout_seconds)

    def unload(self, model: str, *, settle_seconds: float = 5.0) -> None:
        """Unloads a model; ensembles over it become unavailable.

        Triton answers at once and unloads behind the answer. A model of the same name that is
        loaded in the very moment in which the old one ends takes over the old one's metrics while
        they are freed (MetricModelReporter::Create, 24.10): the server writes to freed memory, and
        hangs or crashes. So this waits until nothing is unloading any more. To load well before
        the old model ends is as safe: both then share the metrics.

        Args:
            model: its name.
            settle_seconds: the longest wait; requests in flight hold an unload.
        """
        self._obeyed(f"/v2/repository/models/{quote(model)}/unload")
        deadline = time.monotonic() + settle_seconds
        while time.monotonic() < deadline and self._is_unloading():
            time.sleep(0.01)

    def _is_unloading(self) -> bool:
        return any(entry.get("state") == "UNLOADING" for entry in self._entries())


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return ""
