"""What a gateway may be told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field

from clients.connection.address import Address

MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what clients may do, each on by default.

    Attributes:
        body_bytes: of a request's body.
        all_body_bytes: of the bodies of all requests under way.
        head_seconds: from a connection's first byte, or from its start, to the end of a request's
            head.
        body_seconds: how long a body may take beyond its size at :attr:`body_rate`.
        body_rate: bytes a second that a body has to come with on average.
        write_seconds: how long a client may leave an answer unread.
        keep_alive_seconds: how long a connection without a request stays open.
        requests: under way at a time.
        connections: open at a time.
        choices: of one request: ``n``, times the prompts.
        images: of one request.
    """

    body_bytes: int = 32 * MEBIBYTE
    all_body_bytes: int = 256 * MEBIBYTE
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    body_rate: int = 16 * 1024
    write_seconds: float = 30.0
    keep_alive_seconds: float = 30.0
    requests: int = 256
    connections: int = 1024
    choices: int = 16
    images: int = 16


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """What may be fetched for a request that names an image's address.

    Attributes:
        hosts: names of hosts, each with all below it if it begins with ``*.``; none: nothing.
        maximum_bytes: of one image.
        seconds: for one image, all redirects together.
        redirects: followed at most.
    """

    hosts: tuple[str, ...] = ()
    maximum_bytes: int = 10 * MEBIBYTE
    seconds: float = 10.0
    redirects: int = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a gateway was started with.

    Attributes:
        triton: the address of the server's gRPC endpoint.
        answer_seconds: how long the server may take for an answer, or for the next piece of one.
        keys: of which a client has to send one; none: everybody may ask.
        origins: web origins whose pages may ask, as ``https://chat.example``; ``*`` is all.
        speech: the pipeline that reads sound in messages.
        fetching: of images.
        limits: on clients.
    """

    triton: Address
    answer_seconds: float = 120.0
    keys: tuple[str, ...] = field(default=(), repr=False)
    origins: tuple[str, ...] = ()
    speech: str = "asr"
    fetching: Fetching = Fetching()
    limits: Limits = Limits()
