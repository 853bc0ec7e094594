"""Registries that lie: a fixed corpus of hostile answers, more from a seed, and who gives them.

``corpus`` and ``from_seed`` are for any test that pulls: the default tests go through the corpus
once, a slow one through as many seeds as it has time for.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import random
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from repository.transfer.contents import contents_of
from repository.transfer.oci.layer import ROOT, Layer, layers_of
from repository.transfer.oci.push import image_of

ENDLESS = 256 << 20
"""Bytes after which a body without end ends, should nobody stop it."""

VALUES: tuple[Any, ...] = (
    None, [], {}, "", "x", 0, -1, 1.5, True, [[]], {"a": None}, "../../etc/passwd", 1 << 70,
    "sha256:" + "g" * 64, "\x1b[2J\n\x00", "\ud800", ["sha256:" + "0" * 64],
)  # fmt: skip
"""What stands in the place of a value of the right type."""


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        body: its bytes.
        status: of HTTP.
        headers: beside the length.
        length: what Content-Length says, if it lies; -1 for a body in chunks.
        endless: repeat the body until nobody reads it.
        raw: what is sent in the place of a whole answer.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    endless: bool = False
    raw: bytes | None = None


@dataclass(frozen=True)
class Hostile:
    """Replies by the end of a path, as ``manifests/1``; and how many bytes its image names."""

    name: str
    replies: Mapping[str, Reply]
    declared: int


@dataclass
class Image:
    """A good image of a repository, to be spoilt."""

    document: dict[str, Any]
    layers: dict[str, bytes]
    config: bytes

    @staticmethod
    def of(repository: Path) -> Image:
        layers = layers_of(contents_of(repository))
        config, manifest = image_of(layers, None)
        return Image(json.loads(manifest), {each.title: _bytes(each) for each in layers}, config)

    def hostile(
        self,
        name: str,
        *,
        document: Any = None,
        manifest: Reply | None = None,
        layers: Mapping[str, bytes] | None = None,
        blobs: Mapping[str, Reply] | None = None,
        more: Mapping[str, Reply] | None = None,
    ) -> Hostile:
        """One that differs in what is given.

        Args:
            name: of the case.
            document: another manifest, as JSON.
            manifest: another reply for it.
            layers: other content of a layer by its title, with its right digest and size.
            blobs: other replies for a layer by its title, with the digest that was good.
            more: replies for other paths.
        """
        made = copy.deepcopy(self.document if document is None else document)
        replies: dict[str, Reply] = {f"blobs/{sha256(self.config)}": Reply(self.config)}
        for title, content in self.layers.items():
            other = (layers or {}).get(title, content)
            if other is not content and isinstance(made, dict):
                for each in made["layers"]:
                    if each["annotations"]["org.opencontainers.image.title"] == title:
                        each |= {"digest": sha256(other), "size": len(other)}
            replies[f"blobs/{sha256(other)}"] = (blobs or {}).get(title, Reply(other))
        text = json.dumps(made).encode()
        replies["manifests/1"] = manifest or Reply(text)
        declared = sum(len(each.body) for each in replies.values() if not each.endless)
        return Hostile(name, replies | dict(more or {}), declared)


def corpus(repository: Path) -> Iterator[Hostile]:
    """Every hostile answer that is known, always the same for a repository."""
    image = Image.of(repository)
    yield from _documents(image)
    yield from _indexes(image)
    yield from _bodies(image)
    yield from _blobs(image)
    yield from _tars(image, repository)


def from_seed(repository: Path, seed: int) -> Hostile:
    """One more, the same for the same seed: bytes of a layer or a manifest changed at random."""
    rng, image = random.Random(seed), Image.of(repository)
    if rng.random() < 0.4:
        text = bytearray(json.dumps(image.document).encode())
        for _ in range(rng.randint(1, 8)):
            _spoil(text, rng)
        return image.hostile(f"seed {seed}, manifest", manifest=Reply(bytes(text)))
    title = rng.choice(list(image.layers))
    content = bytearray(image.layers[title])
    for _ in range(rng.randint(1, 6)):
        _spoil(content, rng, block=rng.random() < 0.7)
    layers = {title: bytes(content)}
    if rng.random() < 0.2:
        return image.hostile(f"seed {seed}, blob", blobs={title: Reply(bytes(content))})
    return image.hostile(f"seed {seed}, layer", layers=layers)


def _spoil(content: bytearray, rng: random.Random, *, block: bool = False) -> None:
    if not content:
        return
    at = rng.randrange(len(content))
    if block:  # a header of a tar, where what is changed is read
        at = at // 512 * 512 + rng.choice((0, 100, 124, 130, 148, 156, 257, 345))
    kind = rng.randrange(5)
    if kind == 0:
        del content[at:]
    elif kind == 1:
        content[at : at + rng.randint(1, 40)] = b""
    elif kind == 2:
        content[at:at] = rng.randbytes(rng.choice((1, 12, 512)))
    else:
        content[at : at + 12] = rng.choice((b"\xff" * 12, b"7" * 12, b"\0" * 12, rng.randbytes(12)))
    text = bytes(content[:512])
    if block and len(content) >= 512:  # a checksum that is right lets the rest be read
        total = sum(text) - sum(text[148:156]) + 256
        content[148:156] = b"%06o\0 " % total


def _documents(image: Image) -> Iterator[Hostile]:
    title = "org.opencontainers.image.title"
    places: tuple[tuple[str | int, ...], ...] = (
        ("config",), ("config", "digest"), ("layers",), ("layers", 0), ("layers", 0, "digest"),
        ("layers", 0, "size"), ("layers", 0, "mediaType"), ("layers", 0, "annotations"),
        ("layers", 0, "annotations", title), ("layers", -1), ("layers", -1, "digest"),
        ("layers", -1, "size"), ("layers", -1, "annotations"), ("mediaType",), ("manifests",),
    )  # fmt: skip
    for place in places:
        for value in VALUES:
            made = copy.deepcopy(image.document)
            at: Any = made
            for step in place[:-1]:
                at = at[step]
            at[place[-1]] = value
            yield image.hostile(f"{'.'.join(map(str, place))} = {value!a}", document=made)
    for value in VALUES:
        yield image.hostile(f"the manifest = {value!a}", document=value)
    made = copy.deepcopy(image.document)
    made["layers"] *= 5000
    yield image.hostile("twenty thousand layers", document=made)
    for number in (0, -1):
        made = copy.deepcopy(image.document)
        made["layers"][number]["size"] = 1 << 50
        yield image.hostile(f"layer {number} of a petabyte", document=made)
        made["layers"][number]["size"] = 7
        yield image.hostile(f"layer {number} longer than declared", document=made)


def _indexes(image: Image) -> Iterator[Hostile]:
    platform = {"os": "linux", "architecture": "amd64"}
    good = {"digest": sha256(json.dumps(image.document).encode()), "platform": platform}
    for value in VALUES:
        yield image.hostile(f"an index of {value!a}", document={"manifests": [value]})
        yield image.hostile(
            f"an index, platform {value!a}", document={"manifests": [good | {"platform": value}]}
        )
        yield image.hostile(
            f"an index, digest {value!a}", document={"manifests": [good | {"digest": value}]}
        )
    yield image.hostile("an index of an image that is not there", document={"manifests": [good]})


def _bodies(image: Image) -> Iterator[Hostile]:
    for name, body in {
        "nothing": b"",
        "no JSON": b"<html>",
        "no UTF-8": b"\xff\xfe\x00{",
        "a nest of lists": b"[" * 200_000,
        "a nest of objects": b'{"a":' * 200_000,
        "a number without end": b'{"schemaVersion": ' + b"9" * 6000 + b"}",
        "more than a registry takes": b'{"a": "' + b"x" * (5 << 20) + b'"}',
    }.items():
        yield image.hostile(f"manifest: {name}", manifest=Reply(body))
    bomb = gzip.compress(b"[" + b" " * (16 << 20) + b"]", mtime=0)
    encoded = {"Content-Encoding": "gzip"}
    yield image.hostile("manifest: a bomb", manifest=Reply(bomb, headers=encoded))
    text = json.dumps(image.document).encode()
    yield image.hostile("manifest: not gzip", manifest=Reply(text, headers=encoded))
    for name, reply in {
        "chunks without end": Reply(b" " * 65536, endless=True, length=-1),
        "a body without end": Reply(b" " * 65536, endless=True, length=1 << 40),
        "a length that is too long": Reply(text, length=len(text) + 99),
        "a length that is too short": Reply(text, length=len(text) - 9),
        "no status": Reply(raw=b"\0\1\2\3\r\n\r\n"),
        "a status that is none": Reply(raw=b"HTTP/1.1 wrong\r\n\r\n"),
        "a length that is none": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}"),
        "a negative length": Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
        "two lengths": Reply(
            raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}"
        ),
        "chunks that are none": Reply(
            raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"
        ),
        "headers without end": Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n{}"),
        "a header that is too long": Reply(raw=b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000),
        "nothing at all": Reply(raw=b""),
    }.items():
        yield image.hostile(f"manifest: {name}", manifest=reply)
    for status in (204, 206, 304, 400, 403, 416, 429, 500, 503):
        said = Reply(b"\x1b[2J\xff\n\nlook\x07 here" * 500, status=status)
        yield image.hostile(f"manifest: status {status}", manifest=said)
    yield image.hostile(
        "manifest: an error without end",
        manifest=Reply(b"x" * 65536, status=500, endless=True, length=-1),
    )
    for place in (
        "", "/", "/v2/team/ocr/manifests/1", "file:///etc/passwd", "ftp://127.0.0.1/a",
        "http://127.0.0.1:1/a", "http://[::1", "http://127.0.0.1:99999/", "gopher://x", "//",
        "\xe9", "http://user:password@127.0.0.1:1/", "data:,x",
    ):  # fmt: skip
        reply = Reply(status=307, headers={"Location": place})
        yield image.hostile(f"manifest: elsewhere, {place!a}", manifest=reply)
    for challenge in (
        "", "Bearer", 'Bearer realm=""', 'Bearer realm="file:///etc/passwd"', "Basic",
        'Bearer realm="http://127.0.0.1:1/token"', 'Bearer realm="x"', "Negotiate abc",
        'Bearer realm="http://[::1"',
    ):  # fmt: skip
        reply = Reply(status=401, headers={"WWW-Authenticate": challenge})
        yield image.hostile(f"a challenge: {challenge}", manifest=reply)
    for token in (*VALUES, "a\r\nX: y", "é", "x" * 100_000):
        for key in ("token", "access_token"):
            challenge = 'Bearer realm="http://HOST/v2/team/ocr/token",service="x"'
            yield image.hostile(
                f"a {key}: {str(token)[:40]!a}",
                manifest=Reply(status=401, headers={"WWW-Authenticate": challenge}),
                more={"token": Reply(json.dumps({key: token}).encode())},
            )
    yield image.hostile(
        "a token that is a list",
        manifest=Reply(status=401, headers={"WWW-Authenticate": challenge}),
        more={"token": Reply(b"[1]")},
    )


def _blobs(image: Image) -> Iterator[Hostile]:
    for title in (ROOT, next(iter(image.layers))):
        good = image.layers[title]
        for name, reply in {
            "empty": Reply(b""),
            "cut, and its length says so": Reply(good[: len(good) // 2]),
            "cut, and its length does not": Reply(good[: len(good) // 2], length=len(good)),
            "longer": Reply(good + b"x" * (8 << 20)),
            "without end": Reply(good, endless=True, length=-1),
            "without end, with a length": Reply(b"\0" * 65536, endless=True, length=1 << 40),
            "another": Reply(bytes(len(good))),
            "not there": Reply(status=404),
            "part of it": Reply(good[5:], status=206),
            "compressed on its way": Reply(
                gzip.compress(good, mtime=0), headers={"Content-Encoding": "gzip"}
            ),
            "elsewhere": Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}),
            "elsewhere, for ever": Reply(
                status=302,
                headers={"Location": f"/v2/team/ocr/blobs/{sha256(good)}"},
            ),
        }.items():
            yield image.hostile(f"layer {title}: {name}", blobs={title: reply})
        for name, content in {
            "empty": b"",
            "no tar": b"<html>" * 500,
            "zeros": bytes(2048),
            "a short file": b"x",
            "cut in a header": good[:300],
            "cut in a file": good[:-3000] if len(good) > 8000 else good[:700],
            "gzip": gzip.compress(good, mtime=0),
            "a bomb": gzip.compress(bytes(8 << 20), mtime=0),
        }.items():
            yield image.hostile(f"layer {title} of {name}", layers={title: content})


def _tars(image: Image, repository: Path) -> Iterator[Hostile]:
    title = next(each for each in image.layers if each != ROOT)
    model = title.partition("/")[2]
    names = [f"{ROOT}/{n}" for n in contents_of(repository).files if n.startswith(f"{model}/")]

    def tar(change: Callable[[tarfile.TarInfo], None], *, twice: bool = False) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as made:
            for name in names * (2 if twice else 1):
                content = (repository / name.partition("/")[2]).read_bytes()
                info = tarfile.TarInfo(name)
                info.size = len(content)
                change(info)
                made.addfile(info, io.BytesIO(content) if info.isreg() else None)
        return buffer.getvalue()

    kinds = {
        "links": tarfile.SYMTYPE, "hard links": tarfile.LNKTYPE, "fifos": tarfile.FIFOTYPE,
        "character devices": tarfile.CHRTYPE, "block devices": tarfile.BLKTYPE,
        "folders": tarfile.DIRTYPE, "sparse files": tarfile.GNUTYPE_SPARSE,
        "an unknown kind": b"Z", "contiguous files": tarfile.CONTTYPE,
    }  # fmt: skip
    for name, kind in kinds.items():

        def as_kind(info: tarfile.TarInfo, kind: bytes = kind) -> None:
            info.type, info.linkname = kind, "/etc/passwd"

        yield image.hostile(f"a tar of {name}", layers={title: tar(as_kind)})
    for name in ("../x", "/etc/passwd", "models/../../x", "\0", "\xe9" * 200, "", "models"):

        def renamed(info: tarfile.TarInfo, name: str = name) -> None:
            info.name = name

        yield image.hostile(f"a tar with {name[:20]!a}", layers={title: tar(renamed)})
    yield image.hostile("a tar with all twice", layers={title: tar(lambda _: None, twice=True)})
    good = image.layers[title]
    for name, size in {
        "octal": b"77777777777\0", "of base 256": b"\x80" + b"\xff" * 11,
        "negative": b"\xff" * 12, "no number": b"zzzzzzzzzzz\0", "with spaces": b"  1 2  3   \0",
        "larger by one": b"00000000777\0",
        "a little beyond": b"\x80" + struct.pack(">3xq", 1 << 40),
    }.items():  # fmt: skip
        content = bytearray(good)
        content[124:136] = size[:12]
        content[148:156] = b" " * 8
        content[148:156] = b"%06o\0 " % sum(content[:512])
        yield image.hostile(f"a tar with a size {name}", layers={title: bytes(content)})
    for name, records in {
        "garbage": b"garbage", "a length of zero": b"0 path=x\n", "a huge length": b"99999 a=b\n",
        "no UTF-8": b"12 path=\xff\xfe\n", "a size of -1": b"11 size=-1\n",
        "a size of 1e9": b"12 size=1e9\n", "a size that is huge": b"30 size=99999999999999999999\n",
        "a long number": b"9" * 900 + b" path=x\n", "sparse": b"25 GNU.sparse.major=1.0.0\n",
        "no equals": b"8 pathx\n", "empty": b"",
    }.items():  # fmt: skip
        extended = tarfile.TarInfo("pax")
        extended.type, extended.size = b"x", len(records)
        head = extended.tobuf(tarfile.USTAR_FORMAT)
        body = records + bytes(-len(records) % 512)
        yield image.hostile(f"a tar with records of {name}", layers={title: head + body + good})
    for length in (1 << 21, (8 << 30) - 1):
        extended.size = length
        head = extended.tobuf(tarfile.GNU_FORMAT)
        yield image.hostile(f"a tar with records of {length}", layers={title: head + good})
    for name in ("manifest.json", "model.sig"):
        for text in (b"", b"{}", b"[", b"\xff", b"null", b'{"schema": 1}', b"[" * 100_000):
            one = _tar_of({f"{ROOT}/{name}": text})
            yield image.hostile(f"{name} of {text[:9]!a}", layers={ROOT: one})


def _tar_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _bytes(layer: Layer) -> bytes:
    return b"".join(layer.read())


class HostileServer(ThreadingHTTPServer):
    """Gives the replies of one case after another, and counts the bytes of bodies."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.case = Hostile("none", {}, 0)
        self.sent = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        """Clients that hang up are part of the tests."""


@contextmanager
def serving() -> Iterator[HostileServer]:
    """A hostile registry, for as long as the block lasts."""
    server = HostileServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HostileServer

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        replies = self.server.case.replies
        reply = next((each for end, each in replies.items() if path.endswith(f"/{end}")), None)
        reply = reply or Reply(status=404)
        self.close_connection = True
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value.replace("HOST", self.server.host))
        chunked = reply.length == -1
        length = len(reply.body) if reply.length is None else reply.length
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.status not in (204, 304):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        left = ENDLESS if reply.endless else len(reply.body)
        while left > 0 and reply.body:
            part = reply.body[:left]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            self.server.sent += len(part)
            left -= len(part)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    do_HEAD = do_GET
