"""The keys that sign a repository and check its signature, and what is wrong with one.

OpenSSF model signing knows elliptic-curve keys on P-256, P-384 and P-521, in PEM
(model_signing/_signing/sign_ec_key.py). Its own errors for other keys are tracebacks, so each key
is looked at here first.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from repository.errors import RepositoryError
from repository.manifest.schema import finding
from repository.pip_commands import requirements_command

CURVES = ("secp256r1", "secp384r1", "secp521r1")
MAXIMUM_BYTES = 64 << 10

MAKE = (
    "Make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out private.pem; "
    "and its other half: openssl pkey -in private.pem -pubout -out public.pem."
)
PRIVATE = "a private key on P-256, P-384 or P-521 in PEM"
PUBLIC = "a public key on P-256, P-384 or P-521 in PEM"


class SigningError(RepositoryError):
    """A repository cannot be signed, or differs from what was signed; see :attr:`findings`."""


@dataclass(frozen=True)
class PrivateKey:
    """What signs.

    Attributes:
        path: the key, in PEM.
        password: its password, if it is encrypted.
    """

    path: Path
    password: bytes | None = None


@dataclass(frozen=True)
class Keyless:
    """Signs by an OpenID Connect identity, with sigstore's short-lived certificates.

    Attributes:
        token: an identity token. Without it: this machine's own (a CI job's), or a browser's.
        trust_config: the client trust configuration of a private sigstore. Without it: the public
            sigstore.
    """

    token: str | None = None
    trust_config: Path | None = None


@dataclass(frozen=True)
class Identity:
    """Who must have signed, if the signature is keyless.

    Attributes:
        name: the identity in the certificate, as an e-mail address or a workflow's address.
        issuer: the address of the OpenID Connect issuer that vouches for it.
        trust_config: as in :class:`Keyless`.
    """

    name: str
    issuer: str
    trust_config: Path | None = None


def refuse(
    rule: str, where: str, expected: str, found: str, remedy: str, arguments: tuple[str, ...] = ()
) -> NoReturn:
    """Raise one finding."""
    raise SigningError([finding(rule, where, expected, found, remedy, arguments)])


def require_library() -> None:
    """Refuse to go on if the library for signatures is missing.

    Raises:
        SigningError: it is not installed.
    """
    try:
        import model_signing.signing  # noqa: F401
    except ModuleNotFoundError as error:
        refuse(
            "signing",
            "this environment",
            "the packages that signatures need",
            f"no module '{error.name}'",
            f"Install them: {requirements_command('signing')}.",
        )


def check_private(key: PrivateKey) -> None:
    """Refuse a file that cannot sign.

    Raises:
        SigningError: it cannot be read or decrypted, or is another kind of key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    where, content = str(key.path), _read(key.path, PRIVATE)
    try:
        loaded = load_pem_private_key(content, key.password)
    except TypeError:
        if key.password is None:
            expected, found = "a key that can be read", "an encrypted one"
            refuse("key", where, expected, found, "Give its password.", ("password",))
        expected, found = "an encrypted key", "one that is not"
        refuse("key", where, expected, found, "Leave out the password.", ("password",))
    except (ValueError, UnsupportedAlgorithm):
        if key.password is not None and b"ENCRYPTED" in content:
            expected, found = "the key's password", "another one, or a damaged key"
            refuse("key", where, expected, found, "Give its password.", ("password",))
        refuse("key", where, PRIVATE, _kind(content), MAKE)
    _check_curve(loaded, where, PRIVATE)


def check_public(path: Path) -> None:
    """Refuse a file that cannot check a signature.

    Raises:
        SigningError: it cannot be read, or is another kind of key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = _read(path, PUBLIC)
    try:
        loaded = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        refuse("key", str(path), PUBLIC, _kind(content), MAKE)
    _check_curve(loaded, str(path), PUBLIC)


def _check_curve(key: object, where: str, expected: str) -> None:
    curve = getattr(getattr(key, "curve", None), "name", None)
    if curve in CURVES:
        return
    kind = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey")
    refuse("key", where, expected, f"a key on {curve}" if curve else f"a key of {kind}", MAKE)


def _read(path: Path, expected: str) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            refuse("key", str(path), expected, "no regular file", "Give the path of a key.")
        if status.st_size > MAXIMUM_BYTES:
            refuse("key", str(path), expected, f"{status.st_size:,} bytes", MAKE)
        return path.read_bytes()
    except OSError as error:
        remedy = "Give the path of a key that this user can read."
        refuse("key", str(path), expected, error.strerror or type(error).__name__, remedy)


def _kind(content: bytes) -> str:
    if not content.strip():
        return "an empty file"
    for marker, kind in (
        (b"-----BEGIN PUBLIC KEY", "a public key"),
        (b"-----BEGIN CERTIFICATE", "a certificate"),
        (b"-----BEGIN OPENSSH PRIVATE KEY", "a private key in OpenSSH's format"),
        (b"PRIVATE KEY-----", "a private key"),
        (b"-----BEGIN ", "another PEM"),
    ):
        if marker in content:
            return kind
    return "no PEM"
