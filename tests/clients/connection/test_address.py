"""An address is understood, or refused in a sentence that says how to write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.connection.address import Address, AddressError, address_of, parse

UNDERSTOOD = [
    ("127.0.0.1:8001", "127.0.0.1", 8001, False),
    ("localhost", "localhost", 8001, False),
    ("  triton:9001\n", "triton", 9001, False),
    ("triton.multimodal.svc.cluster.local.:80", "triton.multimodal.svc.cluster.local.", 80, False),
    ("unix:8001", "unix", 8001, False),
    ("bücher.example:1", "xn--bcher-kva.example", 1, False),
    ("[::1]:8001", "::1", 8001, False),
    ("[::1]", "::1", 8001, False),
    ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535, False),
    ("grpc://host", "host", 8001, False),
    ("grpc://[::1]:9", "::1", 9, False),
    ("GRPC://host:9/", "host", 9, False),
    ("http://localhost:8001", "localhost", 8001, False),
    ("http://localhost:8001/", "localhost", 8001, False),
    ("http://gateway.example", "gateway.example", 80, False),
    ("https://gateway.example", "gateway.example", 443, True),
    ("https://gateway.example:8443/", "gateway.example", 8443, True),
    ("grpcs://gateway.example", "gateway.example", 443, True),
]

REFUSED = [
    ("", "the address is empty"),
    (" \t", "the address is empty"),
    ("ftp://host:1", "no scheme 'ftp' is known"),
    ("://host:1", "no scheme '' is known"),
    ("host:8001/v2/models", "has a path"),
    ("http://host:8001/v2", "has a path"),
    ("host:8001?x=1", "has a path"),
    ("user:secret@host:8001", "has a user or a password"),
    ("https://user:secret@host:8001/x", "has a user or a password"),
    ("ftp://user:secret@host", "no scheme 'ftp'"),
    ("host:", "no number from 1 to 65535"),
    ("host:0", "no number from 1 to 65535"),
    ("host:65536", "no number from 1 to 65535"),
    ("host:99999999999999999999", "no number from 1 to 65535"),
    ("host:abc", "no number from 1 to 65535"),
    ("host:٣", "no number from 1 to 65535"),
    ("host:80 01", "no number from 1 to 65535"),
    ("::1", "stands in brackets"),
    ("::1:8001", "stands in brackets"),
    ("[host]:1", "no IPv6 address"),
    ("[]:1", "no IPv6 address"),
    ("my host:8001", "no name of a host"),
    (":8001", "no name of a host"),
    ("http://", "no name of a host"),
    ("-x:1", "no name of a host"),
    ("a,b:1", "no name of a host"),
]


@pytest.mark.parametrize(("text", "host", "port", "secure"), UNDERSTOOD)
def test_it_is_understood(text: str, host: str, port: int, secure: bool) -> None:
    assert parse(text) == Address(host, port, secure)


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_it_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse(text)
    sentence = str(refused.value)
    assert said in sentence and "8001" in sentence
    assert "secret" not in sentence


@given(st.text(max_size=40) | st.text("htpgrcs:/[]@.%0189az ", max_size=40))
def test_whatever_is_written_is_an_address_or_a_sentence(text: str) -> None:
    try:
        address = parse(text)
    except AddressError as refused:
        assert "8001" in str(refused)
        return
    assert 1 <= address.port <= 65535 and address.host
    assert parse(str(address)) == Address(address.host, address.port)
    assert address.target.startswith("dns:///")


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("api.localhost", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("localhost.example", False),
        ("triton", False),
    ],
)
def test_this_machine_is_known(host: str, is_loopback: bool) -> None:
    assert Address(host, 1).is_loopback == is_loopback


@pytest.mark.parametrize(
    ("variables", "host", "proxy"),
    [
        ({}, "triton", None),
        ({"http_proxy": "http://p.example:3128"}, "triton", "p.example:3128 (http_proxy)"),
        ({"http_proxy": "http://u:secret@p:3128/"}, "triton", "p:3128 (http_proxy)"),
        ({"https_proxy": "http://p:1", "http_proxy": "http://q:2"}, "triton", "p:1 (https_proxy)"),
        ({"grpc_proxy": "http://g:1", "https_proxy": "http://p:1"}, "triton", "g:1 (grpc_proxy)"),
        ({"http_proxy": "p:1"}, "triton", None),
        ({"http_proxy": "http://p:1", "no_proxy": "*"}, "triton", "p:1 (http_proxy)"),
        ({"http_proxy": "http://p:1"}, "127.0.0.1", None),
        ({"http_proxy": "http://p:1"}, "localhost", None),
        ({"http_proxy": "http://p:1", "no_proxy": "other,.svc"}, "triton.svc", None),
        ({"http_proxy": "http://p:1", "no_grpc_proxy": "triton"}, "triton", None),
        ({"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "10.2.3.4", None),
        ({"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "11.2.3.4", "p:1 (http_proxy)"),
        ({"http_proxy": "http://p:1", "no_proxy": "other"}, "triton", "p:1 (http_proxy)"),
    ],
)
def test_the_proxy_on_the_way_is_known(
    variables: dict[str, str], host: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Address(host, 1).proxy == proxy


def test_what_is_not_given_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_GRPC", "elsewhere:9")
    assert address_of(None) == Address("elsewhere", 9)
    assert address_of("here:8") == Address("here", 8)
    with pytest.raises(AddressError, match="empty"):
        address_of("")
    monkeypatch.setenv("TRITON_GRPC", "")
    assert address_of(None) == Address("127.0.0.1", 8001)
