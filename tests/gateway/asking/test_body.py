"""Bodies that are no JSON, or not as they say, over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.gateway.running import Gateway

pytestmark = pytest.mark.xdist_group("gateway")

JSON = {"Content-Type": "application/json"}
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b"{}{}",
        b"\xff\xfe{}",
        b'{"model": "\xff"}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"model": "a", "model": "b"}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"messages":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"n": ' + b"9" * 100_000 + b"}",
        b"\0" * 100,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_object_of_json_is_refused(gateway: Gateway, body: bytes) -> None:
    status, error = gateway.refused(CHAT, body, JSON)
    assert (status, error["code"]) == (400, "invalid_json")
    assert len(error["message"]) < 300


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/jsonx",
        "multipart/form-data; boundary=x",
        ";",
    ],
)
def test_a_body_of_another_type_is_refused(gateway: Gateway, kind: str) -> None:
    status, error = gateway.refused(CHAT, b"{}", {"Content-Type": kind})
    assert (status, error["code"]) == (415, "unsupported_media_type")


def test_the_type_may_name_its_charset(gateway: Gateway) -> None:
    body = json.dumps(gateway.chat("red")).encode()
    for kind in ("application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'):
        assert gateway.ask("POST", CHAT, body, {"Content-Type": kind})[0] == 200


def test_a_compressed_body_is_refused(gateway: Gateway) -> None:
    status, error = gateway.refused(CHAT, b"{}", {**JSON, "Content-Encoding": "gzip"})
    assert (status, error["code"]) == (415, "unsupported_media_type")
