"""Gateways for tests, in a thread of this process."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from openai import OpenAI

from clients.connection.address import parse
from gateway.serving.run import Prepared
from gateway.settings import Settings


class Gateway:
    """A gateway that runs.

    Args:
        url: as ``http://127.0.0.1:9000``.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, key: str = "none") -> OpenAI:
        """OpenAI's own client, which does not ask again."""
        return OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=60)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers in lower case, and the body of an answer.

        A mapping is sent as JSON.
        """
        sent = dict(headers or {})
        if isinstance(body, Mapping):
            sent = {"Content-Type": "application/json", **sent}
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, body, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, head, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as problem:
            status, head, content = problem.code, problem.headers, problem.read()
        return status, {name.lower(): value for name, value in head.items()}, content

    def refused(
        self, path: str, body: bytes | Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """The status and the error of a request that is refused."""
        status, head, content = self.ask("POST", path, body, headers)
        assert status >= 400, content
        return status, error_in(head, content)

    def chat(self, text: str, **further: Any) -> dict[str, Any]:
        """The body of a chat with one message."""
        messages = [{"role": "user", "content": text}]
        return {"model": "generate", "messages": messages, **further}

    def state(self) -> dict[str, int]:
        """What the double counts: requests under way, cancelled, and all."""
        _, _, content = self.ask("POST", "/v1/chat/completions", self.chat("!state"))
        told: dict[str, int] = json.loads(json.loads(content)["choices"][0]["message"]["content"])
        return told

    def inputs(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What reaches a pipeline of a request whose prompt has the order ``!inputs``."""
        status, _, content = self.ask("POST", path, body)
        assert status == 200, content
        choice = json.loads(content)["choices"][0]
        told: dict[str, Any] = json.loads(
            choice["message"]["content"] if "message" in choice else choice["text"]
        )
        return told

    def connected(self) -> socket.socket:
        """A bare connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


def error_in(headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """The error in an answer, which has to have OpenAI's shape."""
    assert headers["content-type"] == "application/json"
    body = json.loads(content)
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str) and error["message"]
    return error


def settings(grpc: str, **further: Any) -> Settings:
    """Of a gateway before a server."""
    return Settings(triton=parse(grpc), **further)


@contextlib.contextmanager
def running(settings: Settings, exit_seconds: float = 0) -> Iterator[Gateway]:
    """A gateway that ends with the context."""
    prepared = Prepared(settings, "127.0.0.1", 0, exit_seconds)
    thread = threading.Thread(target=prepared.serve)
    thread.start()
    try:
        yield Gateway(prepared.url)
    finally:
        prepared.end()
        thread.join()
