"""S3 servers that lie: a fixed corpus, in the terms of ``hostile_registry``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from tests.repository.transfer.oci.hostile_registry import Hostile, Reply

XML = {"Content-Type": "application/xml"}
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
WRITTEN = "2026-01-01T00:00:00.000Z"


def listing(entries: Mapping[str, object], *, more: str = "", written: str = WRITTEN) -> bytes:
    """A page of a list: keys and what it says of their sizes."""
    inner = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>{written}</LastModified>"
        f'<ETag>"e"</ETag><Size>{size}</Size></Contents>'
        for key, size in entries.items()
    )
    return (
        f"<ListBucketResult {NAMESPACE}><Name>models</Name>{inner}"
        f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}</ListBucketResult>"
    ).encode()


def corpus(repository: Path) -> Iterator[Hostile]:
    """Every hostile server that is known, for a pull of ``s3://models/a``."""
    files = {
        f"a/{path.relative_to(repository).as_posix()}": path.read_bytes()
        for path in sorted(repository.rglob("*"))
        if path.is_file()
    }
    sizes: dict[str, object] = {key: len(body) for key, body in files.items()}
    objects = {f"models/{key}": Reply(body) for key, body in files.items()}
    largest = max(files, key=lambda key: len(files[key]) if "manifest" not in key else 0)
    declared = sum(map(len, files.values()))

    def case(name: str, page: Reply, more: Mapping[str, Reply] | None = None) -> Hostile:
        return Hostile(name, {"models": page, **objects, **(more or {})}, declared)

    good = Reply(listing(sizes), headers=XML)
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    for name, body in {
        "nothing": b"",
        "no XML": b"<html><p>",
        "a page of a proxy": b"<html><body>login</body></html>",
        "JSON": b"{}",
        "another document": b"<a><b/></a>",
        "no UTF-8": b"\xff\xfe\x00",
        "entities": f'<!DOCTYPE a [<!ENTITY e0 "x">{bomb}]><a>&e9;</a>'.encode(),
        "a nest": b"<a>" * 50_000,
        "no sizes": listing(dict.fromkeys(sizes, "")),
        "words for sizes": listing(dict.fromkeys(sizes, "many")),
        "sizes below zero": listing(dict.fromkeys(sizes, -5)),
        "huge sizes": listing(dict.fromkeys(sizes, 1 << 70)),
        "no time": listing(sizes, written=""),
        "a time that is none": listing(sizes, written="yesterday"),
        "more, but no token": listing(sizes, more="<Nothing/>"),
        "keys of elsewhere": listing({"b/manifest.json": 5}),
        "keys that lead out": listing({**sizes, "a/../../x": 5, "a//etc/passwd": 5}),
        "an empty key": listing({"": 5}),
        "no objects": listing({}),
        "a manifest that is too long": listing({**sizes, "a/manifest.json": 1 << 40}),
        "a status of another kind": b"<Error><Code>\x1b[2J</Code></Error>",
    }.items():
        yield case(f"list: {name}", Reply(body, headers=XML))
    token = "<NextContinuationToken>again</NextContinuationToken>"
    yield case("list: the same page for ever", Reply(listing({}, more=token), headers=XML))
    yield case("list: without end", Reply(b" " * 65536, headers=XML, endless=True, length=-1))
    yield case("list: elsewhere", Reply(status=307, headers={"Location": "http://127.0.0.1:1/"}))
    error = b"<Error><Code>\xc2\x9b2J</Code><Message>a\n\nb \xe2\x80\xae</Message></Error>"
    for status in (204, 206, 301, 307, 400, 403, 404, 409, 416, 429, 501):
        yield case(f"list: status {status}", Reply(error, status=status, headers=XML))
        yield case(f"list: status {status} in words", Reply(b"\x1b[2Jno\xff", status=status))
        yield case(f"list: status {status} without a word", Reply(status=status))
    yield case(
        "list: an error without end",
        Reply(b"x" * 65536, status=400, headers=XML, endless=True, length=-1),
    )
    for name in (largest, "a/manifest.json"):
        body = files[name]
        for what, reply in {
            "longer": Reply(body + b"x" * (8 << 20)),
            "without end": Reply(body, endless=True, length=-1),
            "cut": Reply(body[: len(body) // 2]),
            "cut, with the whole length": Reply(body[: len(body) // 2], length=len(body)),
            "empty": Reply(b""),
            "another": Reply(bytes(len(body))),
            "not there": Reply(error, status=404, headers=XML),
            "an error without end": Reply(b"x" * 65536, status=403, endless=True, length=-1),
            "elsewhere": Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        }.items():
            yield case(f"{name}: {what}", good, {f"models/{name}": reply})
    for text in (b"", b"{}", b"[" * 100_000, b"null", b"\xff", b'{"schema": 1}'):
        key = "a/manifest.json"
        page = Reply(listing({**sizes, key: len(text)}), headers=XML)
        yield case(f"manifest of {text[:9]!a}", page, {f"models/{key}": Reply(text)})
