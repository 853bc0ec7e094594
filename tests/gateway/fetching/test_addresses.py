"""Which addresses may be asked: none inside the network, however they are written."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ApiError
from gateway.fetching.addresses import checked, is_listed, is_public, place_of


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
        *("192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.1"),
        *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
        "2001:0:4136:e378:8000:63bf:3fff:fdd2"[:-9] + "80ff:fffe",  # Teredo, of 127.0.0.1
    ],
)
def test_an_address_inside_is_not_public(ip: str) -> None:
    assert not is_public(ipaddress.ip_address(ip))


@pytest.mark.parametrize(
    "ip", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_an_address_of_the_internet_is_public(ip: str) -> None:
    assert is_public(ipaddress.ip_address(ip))


@given(st.ip_addresses(v=4))
def test_clothes_of_ipv6_change_nothing(ip: ipaddress.IPv4Address) -> None:
    for before in ("::ffff:0:0", "64:ff9b::"):
        dressed = ipaddress.IPv6Address(int(ipaddress.IPv6Address(before)) + int(ip))
        assert is_public(dressed) == is_public(ip)
    assert not is_public(ipaddress.IPv6Address((0x2002 << 112) + (int(ip) << 80)))


def found(*ips: str) -> list[tuple[object, ...]]:
    family = {True: socket.AF_INET6, False: socket.AF_INET}
    return [(family[":" in ip], socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ips]


def test_a_name_with_an_address_inside_is_refused() -> None:
    assert checked(found("8.8.8.8", "1.1.1.1")) == ipaddress.ip_address("8.8.8.8")
    assert checked(found("8.8.8.8", "127.0.0.1")) is None
    assert checked(found("8.8.8.8", "::1")) is None
    assert checked([]) is None


@pytest.mark.parametrize(
    "url",
    [
        *("", "images.example/a.png", "ftp://images.example/a", "file:///etc/passwd"),
        *("gopher://images.example", "http://", "http:///a", "http://a b/", "http://[::1", "//a/b"),
        *("http://images.example:99999/", "http://images.example:port/", "http://a\\@b/"),
        *("http://images.example/\r\nHost: b", "http://images.example/\u00e9", "http://a\x00b/"),
        *("http://user@images.example/", "http://user:secret@images.example/"),
        "http://images.example/" + "a" * 3000,
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ApiError) as raised:
        place_of(url, "here")
    assert (raised.value.status, raised.value.param) == (400, "here")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "is_there"),
    [
        ("https://images.example/a.png", True),
        ("http://IMAGES.example./a.png", True),
        ("https://images.example:8443/a.png", False),
        ("http://images.example:443/a.png", False),
        ("https://a.images.example/", False),
        ("https://cdn.example/", False),
        ("https://a.cdn.example/", True),
        ("https://a.b.cdn.example/", True),
        ("https://evilcdn.example/", False),
        ("https://cdn.example.evil/", False),
        ("http://other.example:8080/", True),
        ("http://other.example/", False),
        ("http://images.example@evil/", None),
        ("http://127.0.0.1/", False),
        ("http://2130706433/", False),
    ],
)
def test_hosts_are_listed_by_name_and_port(url: str, is_there: bool | None) -> None:
    hosts = ("images.example", "*.cdn.example", "other.example:8080")
    if is_there is None:
        with pytest.raises(ApiError):
            place_of(url, "here")
    else:
        assert is_listed(place_of(url, "here"), hosts) == is_there


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        place = place_of(text, "here")
    except ApiError as problem:
        assert problem.status == 400
    else:
        assert 1 <= place.port <= 65535
        assert place.host and place.target.startswith("/")
