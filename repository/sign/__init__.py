"""Signs a built repository, and checks a signature: OpenSSF model signing, version 1.

The signature is ``model.sig`` at the repository's root: a sigstore bundle around an in-toto
statement with the SHA-256 of every file, ``manifest.json`` among them; only the signature itself
and the root's README are left out. Triton reads no files at the root, and the manifest does not
list it: it comes after the build, and the next build that changes something leaves it out.

This module imports nothing but the standard library until it signs or checks.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from repository import manifest as manifests
from repository.files.bounded_file import Unreadable, reason
from repository.files.json_file import parse_object
from repository.files.whole_file import write_whole
from repository.manifest import SIGNATURE, UNMANAGED
from repository.sign.compare import SIGN_AGAIN, differences, is_keyless, uncovered
from repository.sign.keyless import cause, check_trust, refuse_sigstore, token_of
from repository.sign.keys import (
    Identity,
    Keyless,
    PrivateKey,
    SigningError,
    check_private,
    check_public,
    refuse,
    require_library,
)

if TYPE_CHECKING:
    from model_signing import hashing

__all__ = ["Identity", "Keyless", "PrivateKey", "SigningError", "sign", "verify_signature"]

MAXIMUM_BYTES = 64 << 20
"""A signature larger than this is not read."""


def sign(repository: Path, key: PrivateKey | Keyless) -> Path:
    """Sign a repository that is as it was built; an earlier signature is replaced.

    Args:
        repository: the built repository.
        key: what signs.

    Returns:
        The signature's path.

    Raises:
        SigningError: the repository is not as it was built, the key cannot sign, sigstore cannot
            be reached, or the signature cannot be written. An earlier signature stays then.
    """
    require_library()
    from model_signing import signing

    config = signing.Config().set_hashing_config(_hashing())
    if isinstance(key, PrivateKey):
        check_private(key)
        # The library hands the password on to `cryptography`, which wants bytes.
        config.use_elliptic_key_signer(private_key=key.path, password=key.password)  # type: ignore[arg-type]
    if findings := manifests.verify(repository):
        raise SigningError(findings)
    target = repository / SIGNATURE
    if not os.access(repository, os.W_OK):
        refuse("signature", str(target), "to write it", "a read-only folder", "Make it writable.")
    if isinstance(key, Keyless):
        check_trust(key.trust_config)
        key = Keyless(token_of(key), key.trust_config)
    try:
        if isinstance(key, Keyless):
            config.use_sigstore_signer(
                use_ambient_credentials=False,
                force_oob=True,
                identity_token=key.token,
                trust_config=key.trust_config,
            )
        # Not beside the signature: a process that is killed there would leave a file that no build
        # wrote.
        with tempfile.TemporaryDirectory(prefix="sign-") as folder:
            made = Path(folder, SIGNATURE)
            config.sign(repository, made)
            content = made.read_bytes()
        write_whole(target, content)
        target.chmod(0o644)
    except Exception as error:  # sigstore's, requests' and OpenID Connect's share no class
        if isinstance(key, Keyless):
            refuse_sigstore(error, signing=True)
        if isinstance(error, OSError):
            _refuse_file(error, "Make the folder readable and writable.")
        raise
    return target


def verify_signature(repository: Path, key: Path | Identity) -> None:
    """Refuse a repository that is unsigned, or is not what was signed and built.

    Every file is read once: a file that has the signed SHA-256, which is also the manifest's, is
    as it was built.

    Args:
        repository: the repository.
        key: the public key in PEM, or the identity that must have signed.

    Raises:
        SigningError: everything wrong, each with its file; or the key cannot be used.
    """
    require_library()
    from model_signing import verifying

    findings = manifests.verify(repository, contents=False)
    if any(each.rule in ("manifest", "cut-off") for each in findings):
        raise SigningError(findings)
    content = _read(repository / SIGNATURE)
    config = verifying.Config().set_hashing_config(_hashing())
    if isinstance(key, Identity):
        check_trust(key.trust_config)
        try:
            config.use_sigstore_verifier(
                identity=key.name, oidc_issuer=key.issuer, trust_config=key.trust_config
            )
        except Exception as error:  # as in sign
            refuse_sigstore(error, signing=False)
    else:
        check_public(key)
        config.use_elliptic_key_verifier(public_key=key)
    if any(each.rule == "not-a-file" for each in findings):
        raise SigningError(findings)
    try:
        config.verify(repository, repository / SIGNATURE)
    except OSError as error:
        _refuse_file(error, "Make it readable for this user.")
    except Exception as error:  # whatever a stranger's file makes of the library
        if not str(error).startswith("Signature mismatch"):
            _refuse_signature(error, key, content)
        findings += differences(repository, content, {each.where for each in findings})
        raise SigningError(findings) from error
    if not findings:
        findings = uncovered(manifests.read_manifest(repository), content)
    if findings:
        raise SigningError(findings)


def _hashing() -> hashing.Config:
    """Every file but those that a build does not write; the library would leave out .git too."""
    from model_signing import hashing

    ignored = (SIGNATURE, *UNMANAGED)
    return hashing.Config().set_ignored_paths(paths=ignored, ignore_git_paths=False)


def _read(path: Path) -> bytes:
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            refuse("signature", SIGNATURE, "a regular file", "something else", SIGN_AGAIN)
        if path.stat().st_size > MAXIMUM_BYTES:
            refuse("signature", SIGNATURE, f"at most {MAXIMUM_BYTES:,} bytes", "more", SIGN_AGAIN)
        content = path.read_bytes()
        parse_object(content, SIGNATURE)  # the library's reader knows no bounds
        return content
    except Unreadable as error:
        refuse("signature", SIGNATURE, error.expected, error.found, SIGN_AGAIN)
    except FileNotFoundError:
        refuse("unsigned", SIGNATURE, f"a signature in {path.parent}", "none", SIGN_AGAIN)
    except OSError as error:
        found = reason(error)
        refuse("signature", SIGNATURE, "a readable signature", found, SIGN_AGAIN)


def _refuse_file(error: OSError, remedy: str) -> NoReturn:
    found = reason(error)
    refuse("unreadable", str(error.filename or SIGNATURE), "a readable file", found, remedy)


def _refuse_signature(error: Exception, key: Path | Identity, content: bytes) -> NoReturn:
    who = f"a signature by {key.name}" if isinstance(key, Identity) else f"one that {key} fits"
    if is_keyless(content) is not isinstance(key, Identity) and is_keyless(content) is not None:
        found = "one by a key" if isinstance(key, Identity) else "a keyless one"
        remedy = "Verify it by the identity that signed it, and its issuer."
        arguments: tuple[str, ...] = ("identity", "issuer")
        if isinstance(key, Identity):
            remedy, arguments = "Verify it by the public key.", ("public_key",)
        refuse("signature", SIGNATURE, who, found, remedy, arguments)
    if str(error).startswith("Key mismatch"):
        remedy = "Give the signer's key, or sign it again with yours."
        refuse("signature", SIGNATURE, who, "one by another key", remedy)
    found = "one that is damaged or forged"
    if isinstance(key, Identity):
        found = f"another, or one that is damaged or forged ({cause(error)})"
    refuse("signature", SIGNATURE, who, found, SIGN_AGAIN)
