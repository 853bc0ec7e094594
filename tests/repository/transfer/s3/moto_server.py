"""moto's S3 server with IAM enforced: it refuses unknown keys, wrong signatures, missing rights.

It runs in an environment of its own, ``.venv-s3``, made when it is first needed: it wants another
python-dateutil than the project's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from minio import Minio

from repository.places import ROOT
from tests.environments import installed

FOLDER = ROOT / ".venv-s3"
REQUIREMENTS = Path(__file__).with_name("moto_requirements.txt")
BUCKET = "models"
_SCOPE = "Credential=none/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
_RIGHTS = {
    "owner": ["s3:*"],
    "writer": ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
    "reader": ["s3:ListBucket", "s3:GetObject"],
}
_UNCHECKED = 3 * len(_RIGHTS) + 1
"""Calls that moto takes without credentials: as many as are needed to make users and bucket."""


class Moto:
    """A running server with a bucket, and a key for each of ``_RIGHTS``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = {user: self._user(user, rights) for user, rights in _RIGHTS.items()}
        self._call("s3", f"/{BUCKET}", "PUT")

    def client(self) -> Minio:
        """A client with the owner's key."""
        address = self.url.removeprefix("http://")
        key, secret = self.keys["owner"]
        return Minio(address, key, secret, secure=False, region="us-east-1")

    def _user(self, name: str, rights: list[str]) -> tuple[str, str]:
        statement = [{"Effect": "Allow", "Action": rights, "Resource": "*"}]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        self._iam(Action="CreateUser", UserName=name)
        self._iam(Action="PutUserPolicy", UserName=name, PolicyName="all", PolicyDocument=policy)
        made = self._iam(Action="CreateAccessKey", UserName=name)
        found = re.search(r"<AccessKeyId>(.+?)<.*<SecretAccessKey>(.+?)<", made)
        assert found
        return found[1], found[2]

    def _iam(self, **fields: str) -> str:
        body = urlencode(fields | {"Version": "2010-05-08"}).encode()
        return self._call("iam", "/", "POST", body)

    def _call(self, service: str, path: str, method: str, body: bytes | None = None) -> str:
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {_SCOPE.format(service)}"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())


@contextmanager
def running() -> Iterator[Moto]:
    """A server on a free port of 127.0.0.1, ended with the block."""
    python = installed(FOLDER, REQUIREMENTS)
    command = [str(python), "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]
    with tempfile.NamedTemporaryFile("w+") as log:
        variables = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": str(_UNCHECKED)}
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", env=variables)
        try:
            yield Moto(_address(process, Path(log.name)))
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return found[0]
        time.sleep(0.02)
    raise AssertionError(f"moto did not start: {log.read_text()[-500:]}")
