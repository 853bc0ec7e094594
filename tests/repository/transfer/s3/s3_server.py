"""A small S3 on 127.0.0.1 that checks every signature (AWS SigV4), and injects faults.

It knows what a push and a pull need: objects with metadata, listings in pages, ranges, multipart.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

KEY, SECRET, BUCKET = "AKIDEXAMPLE", "secret/with+signs", "models"
PAGE = 5


@dataclass
class Stored:
    body: bytes
    headers: dict[str, str]
    etag: str
    written: float


@dataclass
class State:
    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[str, str], dict[int, bytes]]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    corrupt_writes: dict[str, int] = field(default_factory=dict)
    corrupt_reads: dict[str, int] = field(default_factory=dict)
    cut_reads: dict[str, int] = field(default_factory=dict)
    cut_writes: dict[str, int] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    refused_keys: set[str] = field(default_factory=set)
    before_write: Callable[[str], None] = lambda _: None


def take(faults: dict[str, int], name: str) -> bool:
    """Whether a fault is due for an object; each happens as often as its number says."""
    for key, left in faults.items():
        if name.endswith(key) and left > 0:
            faults[key] -= 1
            return True
    return False


def spoil(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1])


class S3Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = State()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, name: str, body: bytes, headers: dict[str, str] | None = None) -> str:
        # As on S3, an ETag says nothing of the SHA-256, and two writes of one body may differ.
        etag = hashlib.md5(body).hexdigest()
        with self.lock:
            self.state.objects[name] = Stored(body, headers or {}, etag, time.time())
            self.state.written.append(name)
        return etag

    def handle_error(self, *_: Any) -> None:
        """Clients that are killed are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    server: S3Server

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, self.name = unquote(parts.path).lstrip("/").partition("/")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if refused := self.refused(parts.path, parts.query):
            return self.error(403, refused)
        if bucket != BUCKET:
            return self.error(404, "NoSuchBucket")
        state = self.server.state
        if self.command in state.denied or self.name in state.refused_keys:
            return self.error(403, "AccessDenied")
        getattr(self, f"on_{self.command.lower()}")()
        return None

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

    def refused(self, path: str, query: str) -> str:
        """AWS Signature Version 4: what is wrong with the request's, if anything."""
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, ?"
            r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
            self.headers.get("Authorization", ""),
        )
        if not found:
            return "AccessDenied"
        key, day, region, signed, signature = found.groups()
        if key != KEY:
            return "InvalidAccessKeyId"
        payload = self.headers["x-amz-content-sha256"]
        if payload != hashlib.sha256(self.body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        pairs = sorted(each.partition("=")[::2] for each in query.split("&") if each)
        request = "\n".join(
            [
                self.command,
                quote(unquote(path), safe="/-_.~"),
                "&".join(f"{name}={value}" for name, value in pairs),
                *(f"{name}:{self.headers[name].strip()}" for name in signed.split(";")),
                "",
                signed,
                payload,
            ]
        )
        scope = f"{day}/{region}/s3/aws4_request"
        hashed = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.headers['x-amz-date']}\n{scope}\n{hashed}"
        secret = f"AWS4{SECRET}".encode()
        for each in (day, region, "s3", "aws4_request"):
            secret = hmac.digest(secret, each.encode(), "sha256")
        right = hmac.new(secret, text.encode(), "sha256").hexdigest()
        return "" if hmac.compare_digest(right, signature) else "SignatureDoesNotMatch"

    def on_get(self) -> None:
        if not self.name:
            return self.list()
        stored = self.server.state.objects.get(self.name)
        if stored is None:
            return self.error(404, "NoSuchKey")
        body = stored.body
        if take(self.server.state.corrupt_reads, self.name):
            body = spoil(body)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        cut = take(self.server.state.cut_reads, self.name)
        rest = body[start:]
        self.send_response(206 if found else 200)
        self.facts(stored, len(rest))
        self.wfile.write(rest[: len(rest) // 2] if cut else rest)
        self.close_connection = cut
        return None

    def on_head(self) -> None:
        stored = self.server.state.objects.get(self.name)
        self.send_response(404 if stored is None else 200)
        if stored is None:
            self.end_headers()
        else:
            self.facts(stored, len(stored.body))

    def on_put(self) -> None:
        state = self.server.state
        if take(state.cut_writes, self.name):
            self.close_connection = True
            return
        state.before_write(self.name)
        body = spoil(self.body) if take(state.corrupt_writes, self.name) else self.body
        if "uploadId" in self.query:
            parts = state.uploads[self.query["uploadId"]][2]
            parts[int(self.query["partNumber"])] = body
            etag = hashlib.md5(body).hexdigest()
        else:
            etag = self.server.put(self.name, body, self.metadata())
        self.answer(200, "", {"ETag": f'"{etag}"'})

    def on_post(self) -> None:
        state = self.server.state
        if "uploads" in self.query:
            upload = f"upload{len(state.uploads)}"
            state.uploads[upload] = (self.name, self.metadata(), {})
            inner = f"<Bucket>{BUCKET}</Bucket><Key>{escape(self.name)}</Key>"
            named = f"{inner}<UploadId>{upload}</UploadId>"
            return self.answer(200, self.wrap("InitiateMultipartUploadResult", named))
        name, headers, parts = state.uploads.pop(self.query["uploadId"])
        if any(len(parts[number]) < 5 << 20 for number in sorted(parts)[:-1]):
            return self.error(400, "EntityTooSmall")
        etag = self.server.put(name, b"".join(parts[n] for n in sorted(parts)), headers)
        inner = f"<Bucket>{BUCKET}</Bucket><Key>{escape(name)}</Key><ETag>{etag}</ETag>"
        return self.answer(200, self.wrap("CompleteMultipartUploadResult", inner))

    def on_delete(self) -> None:
        self.server.state.objects.pop(self.name, None)
        self.answer(204, "")

    def list(self) -> None:
        prefix = self.query.get("prefix", "")
        after = self.query.get("continuation-token", "")
        with self.server.lock:
            names = sorted(self.server.state.objects)
        names = [name for name in names if name.startswith(prefix) and name > after]
        page, more = names[:PAGE], len(names) > PAGE
        inner = f"<Name>{BUCKET}</Name><EncodingType>url</EncodingType>"
        inner += f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        if more:
            inner += f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
        for name in page:
            stored = self.server.state.objects[name]
            written = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(stored.written))
            inner += (
                f"<Contents><Key>{quote(name)}</Key><LastModified>{written}</LastModified>"
                f"<ETag>&quot;{stored.etag}&quot;</ETag><Size>{len(stored.body)}</Size></Contents>"
            )
        self.answer(200, self.wrap("ListBucketResult", inner))

    def metadata(self) -> dict[str, str]:
        return {k: v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}

    def facts(self, stored: Stored, length: int) -> None:
        modified = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(stored.written))
        facts = {"ETag": f'"{stored.etag}"', "Last-Modified": modified, **stored.headers}
        for name, value in {**facts, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def wrap(self, name: str, inner: str) -> str:
        return f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{name}>'

    def error(self, status: int, code: str) -> None:
        inner = f"<Code>{code}</Code><Message>{code}</Message><Resource>/</Resource>"
        self.answer(status, f"<Error>{inner}<RequestId>1</RequestId><HostId>1</HostId></Error>")

    def answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", "application/xml")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
