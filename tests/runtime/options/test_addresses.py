"""Where a server listens: addresses, names, ports."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import urllib.request
from pathlib import Path

import pytest
import tritonclient.grpc as grpcclient
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ServerFailed
from runtime.options import addresses
from runtime.options.addresses import Address, resolve
from runtime.options.ports import Ports
from tests.conftest import Serve
from tests.runtime.fixtures import PythonModel

LOCAL = Address("127.0.0.1")


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "ip"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("::", "::"),
        ("0.0.0.0", "0.0.0.0"),
        ("0:0::1", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_host_is_an_address(host: str, ip: str) -> None:
    assert resolve(host).ip == ip


def test_a_name_with_both_kinds_is_the_ipv4_address(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    assert resolve("mine") == LOCAL
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both[:1])
    assert resolve("mine").ip == "::1"


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("", "The host is empty"),
        (" ", "The host is empty"),
        ("[]", "The host is empty"),
        ("nowhere.invalid", "'nowhere.invalid' is no address and no name that this machine knows"),
        ("127.0.0.1:8000", "without a scheme or a port"),
        ("x" * 300, "is no address and no name that this machine knows (no name can be so)"),
        ("a..b", "is no address and no name that this machine knows (no name can be so)"),
        ("a b", "is no address and no name"),
    ],
)
def test_what_is_no_host_is_a_sentence(host: str, told: str) -> None:
    with pytest.raises(ServerFailed, match=re.escape(told)):
        resolve(host)


@needs_ipv6
def test_a_link_local_address_is_a_sentence() -> None:
    with pytest.raises(ServerFailed, match="link-local"):
        resolve("fe80::1%lo")


@given(st.ip_addresses())
def test_every_address_is_written_as_triton_takes_it(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    address = Address(str(ip))
    assert address.for_http.removeprefix("ipv6:") == str(ip)
    assert address.for_grpc.strip("[]") == str(ip)
    assert (ip.version == 6) == address.for_http.startswith("ipv6:") == ("[" in address.for_grpc)


@pytest.mark.parametrize(
    ("ip", "private"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True)]
    + [(each, False) for each in ("0.0.0.0", "::", "10.0.0.1", "fd00::2", "192.0.2.1")],
)
def test_only_loopback_is_private(ip: str, private: bool) -> None:
    assert Address(ip).is_private == private


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        pytest.param("localhost", "127.0.0.1", marks=pytest.mark.slow),
        pytest.param("::1", "[::1]", marks=needs_ipv6),
        pytest.param("::", "[::1]", marks=[needs_ipv6, pytest.mark.slow]),
    ],
)
def test_all_three_endpoints_answer(
    serve: Serve, tmp_path: Path, python_model: PythonModel, host: str, shown: str
) -> None:
    python_model(tmp_path, "sleeper")
    server = serve(tmp_path, host=host)
    assert all(each.startswith(f"{shown}:") for each in (server.http, server.grpc, server.metrics))
    assert json.loads(server.control.request("GET", "/v2"))["name"] == "triton"
    assert server.control.is_ready("sleeper")
    with grpcclient.InferenceServerClient(server.grpc) as client:
        assert client.is_model_ready("sleeper")
    with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=60) as answer:
        assert b"nv_inference_request_success" in answer.read()


def test_all_ports_in_use_are_named_at_once() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        wanted = {"http": one.getsockname()[1], "grpc": two.getsockname()[1], "metrics": 0}
        with pytest.raises(ServerFailed) as raised:
            Ports(LOCAL, wanted)
    assert all(f"{name} port {wanted[name]}" in str(raised.value) for name in ("http", "grpc"))


def test_one_port_for_two_services_is_a_sentence() -> None:
    with pytest.raises(ServerFailed, match="port 18000 for http and metrics"):
        Ports(LOCAL, {"http": 18000, "grpc": 0, "metrics": 18000})


def test_an_address_that_is_not_ours_is_a_sentence() -> None:
    told = r"192\.0\.2\.1: it is not an address of this machine"
    with pytest.raises(ServerFailed, match=told):
        addresses.check(Address("192.0.2.1"))


@pytest.mark.parametrize("ip", ["255.255.255.255", "224.0.0.1"])
def test_an_address_that_nobody_can_connect_to_is_a_sentence(ip: str) -> None:
    with pytest.raises(ServerFailed, match=f"Cannot listen on {re.escape(ip)}: "):
        addresses.check(Address(ip))


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "0.0.0.0", *(pytest.param(each, marks=needs_ipv6) for each in ("::1", "::"))],
)
def test_an_address_of_this_machine_is_fit(ip: str) -> None:
    addresses.check(Address(ip))


def test_free_ports_differ() -> None:
    ports = Ports(LOCAL, {"http": 0, "grpc": 0, "metrics": 0})
    assert len(set(ports.numbers.values())) == 3
    ports.close()


def test_a_port_that_is_kept_can_be_listened_on_and_is_given_to_nobody_else() -> None:
    ports = Ports(LOCAL, {"http": 0})
    port = ports.numbers["http"]
    for _ in range(2):  # a server, and the one after it
        with socket.create_server(("127.0.0.1", port)) as listening:
            assert listening.getsockname()[1] == port
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))  # without SO_REUSEADDR
    ports.close()
