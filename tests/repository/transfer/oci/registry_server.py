"""A small OCI registry on 127.0.0.1 that asks for a token, checks digests, and injects faults."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOGIN = base64.b64encode(b"user:password").decode()
TOKEN = "a-token"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class RegistryServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.elsewhere = False
        self.cut_uploads = self.cut_reads = self.corrupt_reads = 0
        self.lock = threading.Lock()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        """Clients that are cut off are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    server: RegistryServer

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def handle_any(self) -> None:
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        if path == "/token":
            known = self.headers.get("Authorization") == f"Basic {LOGIN}"
            return self.answer(200 if known else 401, json.dumps({"token": TOKEN} if known else {}))
        if path.startswith("/bucket/"):
            if "Authorization" in self.headers:
                return self.answer(400, "Only one auth mechanism allowed")
            return self.get_blobs(path.removeprefix("/bucket/"), path, query, b"")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.rfile.read(length)
            challenge = f'Bearer realm="http://{self.server.host}/token",service="here"'
            return self.answer(401, "", {"WWW-Authenticate": challenge})
        if self.command == "PATCH" and self.server.cut_uploads:
            self.server.cut_uploads -= 1
            self.append(path, self.rfile.read(length // 2))
            self.close_connection = True
            return None
        body = self.rfile.read(length)
        kind, _, name = path.removeprefix("/v2/team/ocr/").partition("/")
        getattr(self, f"{self.command.lower()}_{kind}")(name, path, query, body)
        return None

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = handle_any

    def append(self, path: str, body: bytes) -> None:
        self.server.uploads[path] += body

    def post_blobs(self, name: str, path: str, query: str, body: bytes) -> None:
        place = f"{path}{len(self.server.uploads)}"
        self.server.uploads[place] = b""
        self.answer(202, "", {"Location": place})

    def patch_blobs(self, name: str, path: str, query: str, body: bytes) -> None:
        at = self.headers.get("Content-Range", "0-").partition("-")[0]
        if int(at) != len(self.server.uploads[path]):
            return self.answer(416, "")
        self.append(path, body)
        return self.answer(202, "", {"Location": path})

    def put_blobs(self, name: str, path: str, query: str, body: bytes) -> None:
        content = self.server.uploads.pop(path) + body
        if query != f"digest={sha256(content)}":
            return self.answer(400, '{"errors":[{"code":"DIGEST_INVALID"}]}')
        self.server.blobs[sha256(content)] = content
        self.server.sent.append(sha256(content))
        return self.answer(201, "")

    def get_blobs(self, name: str, path: str, query: str, body: bytes) -> None:
        if path in self.server.uploads:
            last = max(0, len(self.server.uploads[path]) - 1)
            return self.answer(204, "", {"Range": f"0-{last}", "Location": path})
        content = self.server.blobs.get(name)
        if content is None:
            return self.answer(404, "")
        if self.server.elsewhere and not path.startswith("/bucket/"):
            bucket = f"http://localhost:{self.server.server_address[1]}/bucket/{name}"
            return self.answer(307, "", {"Location": bucket})
        if self.command == "GET" and self.server.corrupt_reads:
            self.server.corrupt_reads -= 1
            content = bytes([content[0] ^ 1]) + content[1:]
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        rest = content[int(found[1]) if found else 0 :]
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.command == "GET":
            cut = self.server.cut_reads > 0
            self.server.cut_reads -= cut
            self.wfile.write(rest[: len(rest) // 2] if cut else rest)
            self.close_connection = cut
        return None

    head_blobs = get_blobs

    def put_manifests(self, name: str, path: str, query: str, body: bytes) -> None:
        document = json.loads(body)
        named = [document["config"], *document["layers"]]
        if any(len(self.server.blobs.get(each["digest"], b"")) != each["size"] for each in named):
            return self.answer(400, '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}')
        self.server.manifests[name] = self.server.manifests[sha256(body)] = body
        return self.answer(201, "")

    def get_manifests(self, name: str, path: str, query: str, body: bytes) -> None:
        content = self.server.manifests.get(name)
        self.answer(404 if content is None else 200, (content or b"").decode())

    def answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())
