"""Images by URL, from a host of this machine that answers in all manners."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.errors import ApiError
from gateway.fetching.fetch import Fetcher
from gateway.settings import Fetching
from tests.clients.listeners import Listener

Answer = bytes | Callable[[socket.socket], None]


@contextlib.contextmanager
def host(*answers: Answer) -> Iterator[Listener]:
    """A host that gives its answers one after the other."""
    left = [*answers]

    def behave(listener: Listener, connection: socket.socket) -> None:
        content = b""
        while b"\r\n\r\n" not in content and (more := connection.recv(65536)):
            content += more
        listener.seen.append(content)
        answer = left.pop(0)
        with contextlib.suppress(OSError):
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)
        connection.close()

    listener = Listener(behave)
    try:
        yield listener
    finally:
        listener.close()


def ok(content: bytes, kind: bytes = b"image/png", further: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n"
    return head % (kind, len(content), further) + content


def to(url: str, status: int = 302) -> bytes:
    return b"HTTP/1.1 %d Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (
        status,
        url.encode(),
    )


def fetched(url: str, *hosts: str, loopback: bool = True, **further: float) -> bytes:
    """What is fetched from this machine, which may be asked if it is said so."""
    settings = Fetching(hosts=hosts, **{"seconds": 5.0, **further})  # type: ignore[arg-type]
    if not loopback:
        return asyncio.run(Fetcher(settings).image(url, "here"))
    allowed = ipaddress.ip_address("127.0.0.1")
    fetcher = Fetcher(settings, lambda ip: ip == allowed)
    return asyncio.run(fetcher.image(url, "here"))


def refusal(url: str, *hosts: str, loopback: bool = True, **further: float) -> ApiError:
    with pytest.raises(ApiError) as raised:
        fetched(url, *hosts, loopback=loopback, **further)
    assert (raised.value.status, raised.value.param) == (400, "here")
    return raised.value


def test_an_image_is_fetched() -> None:
    with host(ok(b"picture")) as listener:
        url = f"http://{listener.address}/a%20b.png?c=d"
        assert fetched(url, listener.address) == b"picture"
    (seen,) = listener.seen
    assert seen.startswith(b"GET /a%20b.png?c=d HTTP/1.1\r\n")
    assert b"Host: " + listener.address.encode() in seen
    for secret in (b"authorization", b"cookie", b"user-agent"):
        assert secret not in seen.lower()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\npic\r\n4\r\nture\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: IMAGE/png; a=b\r\n\r\npicture",
        b"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\npicture",
    ],
)
def test_each_form_of_a_body_is_read(answer: bytes) -> None:
    with host(answer) as listener:
        assert fetched(f"http://{listener.address}/", listener.address) == b"picture"


def test_nothing_is_fetched_unless_it_is_switched_on() -> None:
    error = refusal("http://127.0.0.1/")
    assert error.code == "unsupported_parameter"


def test_a_host_that_is_not_listed_is_not_asked() -> None:
    with host(ok(b"picture")) as listener:
        error = refusal(f"http://{listener.address}/", "images.example")
        assert error.code == "host_not_allowed"
        assert not listener.seen


def test_a_listed_host_of_the_inner_network_is_not_asked() -> None:
    with host(ok(b"picture")) as listener:
        for name in ("127.0.0.1", "localhost"):
            place = f"{name}:{listener.port}"
            error = refusal(f"http://{place}/", place, loopback=False)
            assert error.code == "host_not_allowed"
        assert not listener.seen


def test_a_name_that_is_not_known_is_told_as_one_inside() -> None:
    known = refusal("http://localhost/", "localhost", loopback=False)
    unknown = refusal("http://nowhere.invalid/", "nowhere.invalid", loopback=False)
    assert str(known).replace("localhost", "") == str(unknown).replace("nowhere.invalid", "")


def test_the_address_that_was_judged_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another address the second time is asked for one alone."""
    asked = []

    with host(ok(b"picture")) as listener:

        async def known(self: object, name: str, port: int) -> list[tuple[object, ...]]:
            asked.append(name)
            ip = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", known)
        place = f"images.example:{listener.port}"
        with contextlib.suppress(OSError):
            assert fetched(f"http://{place}/", place) == b"picture"
    assert asked[0] == "images.example"
    assert b"Host: images.example:" in listener.seen[0]


def test_where_it_leads_is_judged_again() -> None:
    with host(to("/b.png"), ok(b"picture")) as listener:
        assert fetched(f"http://{listener.address}/a.png", listener.address) == b"picture"
        assert listener.seen[1].startswith(b"GET /b.png ")
    for elsewhere in ("http://127.0.0.1:1/", "http://evil.example/", "file:///etc/passwd", "//a/b"):
        for status in (301, 302, 303, 307, 308):
            with host(to(elsewhere, status)) as listener:
                refusal(f"http://{listener.address}/", listener.address)


def test_it_may_lead_on_a_few_times() -> None:
    with host(*[to("/")] * 9) as listener:
        error = refusal(f"http://{listener.address}/", listener.address)
        assert "leads on more than 3 times" in str(error)
        assert len(listener.seen) == 4


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "could not be fetched"),
        (b"nonsense\r\n\r\n", "could not be fetched"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "could not be fetched"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: " + b"b" * 200_000, "could not be fetched"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (ok(b""), "gives nothing"),
        (ok(b"<html>", b"text/html"), "gives 'text/html'"),
        (ok(b"picture", further=b"Content-Encoding: gzip\r\n"), "compresses"),
    ],
)
def test_what_is_no_image_is_refused(answer: bytes, told: str) -> None:
    with host(answer) as listener:
        assert told in str(refusal(f"http://{listener.address}/", listener.address))


@pytest.mark.parametrize("length", [b"Content-Length: 2000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_image_that_is_too_large_is_not_read_to_its_end(length: bytes) -> None:
    body = b"7d0\r\n" + b"a" * 2000 if b"chunked" in length else b"a" * 2000
    with host(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + body) as listener:
        error = refusal(f"http://{listener.address}/", listener.address, maximum_bytes=1000)
        assert error.code == "image_too_large"


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(3000):
        connection.sendall(b"a")
        time.sleep(0.01)


def silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize("answer", [drip, silent])
def test_an_image_that_takes_too_long_is_given_up(answer: Answer) -> None:
    with host(answer) as listener:
        error = refusal(f"http://{listener.address}/", listener.address, seconds=0.3)
        assert "within 0.3 s" in str(error)


def test_nobody_there_is_told() -> None:
    with host() as listener:
        place = listener.address
    assert "could not be fetched" in str(refusal(f"http://{place}/", place))


def test_what_does_not_speak_tls_is_told() -> None:
    def behave(_: Listener, connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(ok(b"picture"))
        connection.close()

    listener = Listener(behave)
    try:
        error = refusal(f"https://{listener.address}/", listener.address)
        assert "could not be fetched" in str(error)
    finally:
        listener.close()
