"""Who we are to a registry: docker's own configuration, its helpers, and bearer tokens."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from builders.kit.transfer.errors import TransferError

_LOGINS = {"docker.io": "https://index.docker.io/v1/"}
"""A registry -> what docker keeps its login under, if elsewhere."""


def credentials(registry: str) -> str:
    """The ``user:password`` that ``docker login`` or ``podman login`` stored, in base64; or "".

    $DOCKER_CONFIG/config.json, else ~/.docker/config.json, with its credential helpers.
    """
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return ""
    registry = _LOGINS.get(registry, registry)
    helper = config.get("credHelpers", {}).get(registry) or config.get("credsStore")
    if helper:
        return _helped(str(helper), registry)
    auths = config.get("auths", {})
    entry = auths.get(registry) or auths.get(f"https://{registry}") or {}
    return str(entry.get("auth", ""))


def authorization(
    challenge: str, registry: str, scope: str, pool: urllib3.PoolManager
) -> Mapping[str, str]:
    """The header that answers a registry's ``WWW-Authenticate`` (distribution, auth/token).

    Raises:
        TransferError: the token's server refuses or does not answer.
    """
    known = credentials(registry)
    basic = {"Authorization": f"Basic {known}"} if known else {}
    kind, _, rest = challenge.partition(" ")
    if kind.lower() != "bearer":
        return basic
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    query = {"service": fields.get("service", ""), "scope": scope}
    try:
        answer = pool.request("GET", f"{fields['realm']}?{urlencode(query)}", headers=basic)
        token = answer.json()
        return {"Authorization": f"Bearer {token.get('token') or token['access_token']}"}
    except (HTTPError, ValueError, KeyError) as error:
        raise TransferError(
            f"{registry}: expected a token for {scope}, found none. Run `docker login {registry}` "
            "with an account that may use it."
        ) from error


def _helped(helper: str, registry: str) -> str:
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"],
            input=registry,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        found = json.loads(done.stdout)
        return base64.b64encode(f"{found['Username']}:{found['Secret']}".encode()).decode()
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return ""
