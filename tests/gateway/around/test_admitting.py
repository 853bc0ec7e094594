"""Keys and origins."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from gateway.settings import Settings
from runtime.server.server import LocalServer
from tests.gateway.running import Gateway, error_in, running, settings

pytestmark = pytest.mark.xdist_group("gateway")

ORIGIN = "https://chat.example"
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def guarded(double: LocalServer) -> Iterator[Gateway]:
    """A gateway with keys, and an origin that may ask."""
    keys = ("sk-first", "sk-second")
    with running(settings(double.grpc, keys=keys, origins=(ORIGIN,))) as gateway:
        yield gateway


@pytest.mark.parametrize("key", ["sk-first", "sk-second"])
def test_each_key_opens(guarded: Gateway, key: str) -> None:
    assert guarded.client(key).models.list().data[0].id == "generate"
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme}  {key} "}
        assert guarded.ask("GET", "/v1/models", headers=headers)[0] == 200


def test_a_wrong_key_is_refused(guarded: Gateway) -> None:
    with pytest.raises(openai.AuthenticationError) as raised:
        guarded.client("sk-other").models.list()
    assert raised.value.code == "invalid_api_key"
    assert "sk-other" not in str(raised.value)


@pytest.mark.parametrize(
    "sent",
    ["", "sk-first", "Basic sk-first", "Bearer", "Bearer sk-firs", "Bearer sk-first,sk-second"],
)
def test_what_is_no_key_is_refused(guarded: Gateway, sent: str) -> None:
    status, headers, content = guarded.ask("GET", "/v1/models", headers={"Authorization": sent})
    assert status == 401
    assert headers["www-authenticate"] == "Bearer"
    error_in(headers, content)


def test_no_path_of_the_api_is_open(guarded: Gateway) -> None:
    for path in ("/v1/models", "/v1/models/generate", CHAT, "/v1/else", "/v1/models/.."):
        assert guarded.ask("GET", path)[0] == 401
    for path in ("/health", "/health/live", "/metrics"):
        assert guarded.ask("GET", path)[0] == 200


def test_keys_are_not_shown(guarded: Gateway) -> None:
    assert "sk-" not in repr(Settings(triton=settings("a:1").triton, keys=("sk-first",)))


def test_a_page_of_the_named_origin_may_ask(guarded: Gateway) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    headers["Access-Control-Request-Headers"] = "authorization,content-type"
    status, found, _ = guarded.ask("OPTIONS", CHAT, headers=headers)
    assert status == 200
    assert found["access-control-allow-origin"] == ORIGIN
    status, found, _ = guarded.ask("GET", "/v1/models", headers={"Origin": ORIGIN})
    assert status == 401, "an error can be read by the page, too"
    assert found["access-control-allow-origin"] == ORIGIN


def test_a_page_of_another_origin_may_not(guarded: Gateway, gateway: Gateway) -> None:
    headers = {"Origin": "https://evil.example", "Authorization": "Bearer sk-first"}
    for each in (guarded, gateway):
        status, found, content = each.ask("POST", CHAT, each.chat("red"), headers)
        assert (status, error_in(found, content)["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in found
        preflight = {**headers, "Access-Control-Request-Method": "POST"}
        status, found, _ = each.ask("OPTIONS", CHAT, headers=preflight)
        assert status in (400, 403)
        assert "access-control-allow-origin" not in found


def test_every_origin_may_ask_if_all_are_named(double: LocalServer) -> None:
    with running(settings(double.grpc, origins=("*",))) as gateway:
        headers = {"Origin": "https://any.example"}
        status, found, _ = gateway.ask("POST", CHAT, gateway.chat("red"), headers)
        assert (status, found["access-control-allow-origin"]) == (200, "*")
