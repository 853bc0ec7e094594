"""Which files a signature covers, and which of them differ from what was signed."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from repository.files.bounded_file import Unreadable
from repository.files.hashing import sha256_of
from repository.files.json_file import parse_object
from repository.findings import Finding
from repository.manifest import SIGNATURE, UNMANAGED, Manifest, walk
from repository.manifest.schema import MANIFEST, finding

SIGN_AGAIN = "Sign it: python -m repository sign."
GET_AGAIN = "Get it anew from where it was signed, or build and sign it again."


def differences(repository: Path, signature: bytes, known: Collection[str]) -> list[Finding]:
    """Every file that is not as a signature says; at least one finding.

    Args:
        repository: what was signed.
        signature: the content of ``model.sig``, known to be authentic.
        known: files and folders that findings tell already.
    """
    signed = _signed(signature)
    findings: list[Finding] = []
    here = {name for name, _ in walk(repository, findings)} - {SIGNATURE, *UNMANAGED}
    findings = [each for each in findings if each.rule == "unreadable"]
    for name in sorted(here | signed.keys()):
        if name in known or any(str(each) in known for each in PurePosixPath(name).parents):
            continue
        if name not in signed:
            what = "a file that was not signed"
            findings.append(finding("signature", name, "no such file", what, "Remove it."))
        elif name not in here:
            findings.append(finding("signature", name, "the signed file", "none", GET_AGAIN))
        elif _sha256(repository / name) != signed[name]:
            what = "another content"
            findings.append(finding("signature", name, "as it was signed", what, GET_AGAIN))
    if findings or known:
        return findings
    expected = "the SHA-256 of every file"
    return [finding("signature", SIGNATURE, expected, "other hashes", SIGN_AGAIN)]


def uncovered(manifest: Manifest, signature: bytes) -> list[Finding]:
    """Every file of a manifest that a signature says nothing about, or another hash.

    Args:
        manifest: the repository's.
        signature: as in :func:`differences`.
    """
    signed = _signed(signature)
    findings = [
        finding("signature", name, "a signed file", "one left out of the signature", SIGN_AGAIN)
        for name in (*manifest.files, MANIFEST)
        if name not in signed
    ]
    return findings + [
        finding("changed-file", name, "the file that was built", "another, signed", GET_AGAIN)
        for name, file in manifest.files.items()
        if signed.get(name, file.sha256) != file.sha256
    ]


def is_keyless(signature: bytes) -> bool | None:
    """Whether the untrusted signature uses a certificate; None if it is no signature.

    Source: ``VerificationMaterial.content`` in sigstore's protobuf-specs.
    """
    try:
        material = parse_object(signature, SIGNATURE)["verificationMaterial"]
        if "publicKey" in material:
            return False
        return True if {"certificate", "x509CertificateChain"} & set(material) else None
    except (Unreadable, KeyError, TypeError):
        return None


def _signed(signature: bytes) -> Mapping[str, str]:
    """Path -> hash, from the statement: https://model_signing/signature/v1.0."""
    bundle = parse_object(signature, SIGNATURE)
    statement = parse_object(base64.b64decode(bundle["dsseEnvelope"]["payload"]), SIGNATURE)
    resources = statement["predicate"]["resources"]
    return {str(each["name"]): str(each["digest"]) for each in resources}


def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        return error.strerror or ""
