"""Keyless signing: who signs, a private sigstore's trust, and sigstore's errors.

Sigstore's own errors come late, after the network, or without a text. So what can be checked before
is checked here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

from repository.files.bounded_file import Unreadable, read_bounded
from repository.files.json_file import MAXIMUM_BYTES, parse_json
from repository.sign.keys import Keyless, refuse

AUDIENCE = "sigstore"
"""Whom a token has to be for: sigstore's client, as model_signing names it."""

_TOKEN = ("Give a new one for the audience 'sigstore'.", ("token",))
_NO_TOKEN = (
    "Run it in a terminal or in a CI job that may ask for an identity, give a token of one, or "
    "use a key.",
    ("token", "key"),
)
_TRUST = (
    "Give the client trust configuration of your sigstore, or leave it out.",
    ("trust_config",),
)
_SIGN = (
    "Sign where sigstore can be reached, give a private one's trust configuration, or use a key.",
    ("trust_config", "key"),
)
_VERIFY = (
    "Verify where sigstore can be reached; or sign with a key, and verify by its public one; or "
    "give sigstore's trust configuration, which needs no network.",
    ("trust_config",),
)


def check_trust(path: Path | None) -> None:
    """Refuse a file that is not a client trust configuration.

    Raises:
        SigningError: it cannot be read, or is something else.
    """
    if path is None:
        return
    from sigstore.models import ClientTrustConfig

    try:
        content = read_bounded(path, MAXIMUM_BYTES)
        parse_json(content, path)
    except Unreadable as error:
        refuse("trust-config", str(path), error.expected, error.found, *_TRUST)
    try:
        ClientTrustConfig.from_json(content.decode("utf-8-sig"))
    except ValueError as error:
        expected = "sigstore's client trust configuration"
        refuse("trust-config", str(path), expected, f"other JSON{_place(error)}", *_TRUST)


def token_of(key: Keyless) -> str | None:
    """The identity token that signs; None if somebody at a terminal can get one.

    Raises:
        SigningError: it is not a token, not for sigstore, or not valid now; or there is none.
    """
    from sigstore.oidc import IdentityError, IdentityToken, detect_credential

    if key.token is not None:
        try:
            IdentityToken(key.token.strip(), AUDIENCE)
        except IdentityError as error:
            expected = "one of OpenID Connect, for the audience 'sigstore', within its time"
            found = cause(error.__cause__ or error)
            refuse("identity", "the identity token", expected, found, *_TOKEN)
        return key.token.strip()
    try:
        ambient = detect_credential(AUDIENCE)
    except Exception as error:  # of each CI system its own
        refuse("identity", "this CI job", "its identity token", cause(error), *_NO_TOKEN)
    if ambient is None and not at_terminal():
        refuse("identity", "keyless signing", "an identity token", "none", *_NO_TOKEN)
    return ambient


def at_terminal() -> bool:
    """Whether somebody may be there to sign in."""
    return sys.stdin.isatty()


def refuse_sigstore(error: Exception, *, signing: bool) -> NoReturn:
    """Raise what sigstore, its issuer or the network said, or that nobody signed in."""
    if isinstance(error, EOFError):
        refuse("identity", "keyless signing", "a verification code", "none", *_NO_TOKEN)
    expected, remedy = "an answer of sigstore", _SIGN if signing else _VERIFY
    refuse(
        "sigstore",
        f"keyless {'signing' if signing else 'verification'}",
        expected,
        cause(error),
        *remedy,
    )


def cause(error: BaseException) -> str:
    """What an error of sigstore says, in a line; of a network error only that there was one."""
    import requests
    import urllib3

    each: BaseException | None = error
    while each is not None:
        if isinstance(each, requests.RequestException) and each.response is not None:
            return f"HTTP status {each.response.status_code}"
        if isinstance(each, requests.RequestException | urllib3.exceptions.HTTPError):
            return "no connection"
        each = each.__cause__
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def _place(error: ValueError) -> str:
    """Where pydantic found a document to be another, for a sentence."""
    import pydantic

    if not isinstance(error, pydantic.ValidationError):
        return ""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the document"
    return f" ({where}: {first['msg']})"
