"""Who we are to a registry: docker's own configuration, its helpers, and bearer tokens."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from repository.children import ending_with_parent
from repository.errors import RepositoryError
from repository.files.bounded_file import Unreadable
from repository.files.json_file import parse_object, read_object
from repository.transfer.answer import whole
from repository.transfer.errors import TransferError

_LOGINS = {"docker.io": "https://index.docker.io/v1/"}
"""A registry -> what docker keeps its login under, if elsewhere."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
"""What a header can carry."""


def credentials(registry: str) -> str:
    """The ``user:password`` that ``docker login`` or ``podman login`` stored, in base64; or "".

    $DOCKER_CONFIG/config.json, else ~/.docker/config.json, with its credential helpers.
    """
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        config = read_object(folder / "config.json")
    except Unreadable:
        return ""
    registry = _LOGINS.get(registry, registry)
    helper = _object(config.get("credHelpers")).get(registry) or config.get("credsStore")
    if helper:
        return _helped(str(helper), registry)
    auths = _object(config.get("auths"))
    entry = _object(auths.get(registry) or auths.get(f"https://{registry}"))
    return str(entry.get("auth", ""))


def authorization(
    challenge: str, registry: str, scope: str, pool: urllib3.PoolManager, *, secure: bool = False
) -> Mapping[str, str]:
    """The header that answers a registry's ``WWW-Authenticate`` (distribution, auth/token).

    Args:
        challenge: what the registry said.
        registry: its name, for which the login is.
        scope: what is asked for.
        pool: asks.
        secure: refuse a token's server without TLS, as the registry has it.

    Raises:
        TransferError: the token's server refuses, does not answer, or gives no token.
    """
    known = credentials(registry)
    basic = {"Authorization": f"Basic {known}"} if known else {}
    kind, _, rest = challenge.partition(" ")
    if kind.lower() != "bearer":
        return basic
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    query = {"service": fields.get("service", ""), "scope": scope}
    try:
        realm = fields["realm"]
        if not realm.startswith("https://" if secure else ("https://", "http://")):
            raise ValueError
        url = f"{realm}?{urlencode(query)}"
        answer = pool.request("GET", url, headers=basic, redirect=False, preload_content=False)
        said = parse_object(whole(answer, registry), registry)
        token = said.get("token") or said["access_token"]
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ValueError
        return {"Authorization": f"Bearer {token}"}
    except (HTTPError, RepositoryError, ValueError, KeyError) as error:
        raise TransferError(
            f"{registry}: expected a token for {scope}, found none. Run `docker login {registry}` "
            "with an account that may use it."
        ) from error


def _object(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}


def _helped(helper: str, registry: str) -> str:
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"],
            input=registry.encode(),
            capture_output=True,
            check=True,
            timeout=30,
            preexec_fn=ending_with_parent(signal.SIGTERM),
        )
        found = parse_object(done.stdout, helper)
        return base64.b64encode(f"{found['Username']}:{found['Secret']}".encode()).decode()
    except (OSError, RepositoryError, ValueError, KeyError, subprocess.SubprocessError):
        return ""
