"""The commands ``sign`` and ``verify``. They import nothing heavy before they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repository.cli.exit import failed, report, usage
from repository.cli.folder import REPOSITORY, Repository, require_folder
from repository.cli.show import Json, findings_as_json, show_json
from repository.cli.signer import (
    Issuer,
    PublicKey,
    RequireSignature,
    SignerIdentity,
    TrustConfig,
    signer,
)


def sign(
    repository: Repository = REPOSITORY,
    key: Annotated[
        Path | None, typer.Option(help="A private key in PEM, on P-256, P-384 or P-521.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="The file with the key's password, if it is encrypted.")
    ] = None,
    keyless: Annotated[
        bool, typer.Option("--keyless", help="Sign with an OpenID Connect identity (sigstore).")
    ] = False,
    identity_token: Annotated[
        str | None,
        typer.Option(
            envvar="SIGSTORE_ID_TOKEN",
            help="For --keyless. Without it: the CI job's own identity, or a browser's.",
        ),
    ] = None,
    identity_token_file: Annotated[
        Path | None, typer.Option(help="The file with that token, as a pod's projected one.")
    ] = None,
    trust_config: TrustConfig = None,
) -> None:
    """Sign a built repository (OpenSSF model signing); model.sig at its root is the signature."""
    from repository.sign import Keyless, PrivateKey, SigningError
    from repository.sign import sign as sign_repository

    if (key is None) is not keyless:
        raise usage("give a key, --key private.pem, or --keyless")
    require_folder(repository)
    password = None if password_file is None else _read(password_file).rstrip(b"\r\n")
    token = identity_token or None
    if identity_token_file is not None:
        token = _read(identity_token_file).decode(errors="replace")
    try:
        made = sign_repository(
            repository,
            Keyless(token, trust_config) if key is None else PrivateKey(key, password),
        )
    except SigningError as problem:
        report(problem.findings)
        raise typer.Exit(1) from problem
    typer.echo(f"{repository}: signed, {made}")


def verify(
    repository: Annotated[
        str, typer.Argument(help="A model repository; with --mounted, a storageUri.")
    ] = str(REPOSITORY),
    mounted: Annotated[
        str | None,
        typer.Option(
            help="CLAIM=FOLDER: the repository is pvc://CLAIM/…, as a service on KServe has it in "
            "its storageUri, and FOLDER is where the claim's root is mounted."
        ),
    ] = None,
    public_key: PublicKey = None,
    require_signature: RequireSignature = False,
    identity: SignerIdentity = None,
    issuer: Issuer = None,
    trust_config: TrustConfig = None,
    as_json: Json = False,
) -> None:
    """Compare every file of a built repository with its manifest's SHA-256, and its signature.

    With `--json` it prints `repository`, `files`, `signed` and the list `findings`, as `check`.
    """
    from repository import manifest
    from repository.sign import SigningError, verify_signature

    folder = Path(repository) if mounted is None else _in_claim(repository, mounted)
    require_folder(folder)
    signed = signer(public_key, require_signature, identity, issuer, trust_config)
    if signed is None:
        findings = manifest.verify(folder)
    else:
        try:
            verify_signature(folder, signed)
            findings = []
        except SigningError as problem:
            findings = problem.findings
    if as_json:
        files = 0 if findings else len(manifest.read_manifest(folder).files)
        state = {"files": files, "signed": signed is not None and not findings}
        listed = {"findings": findings_as_json(findings)}
        show_json({"repository": str(folder), **state, **listed})
        raise typer.Exit(1 if findings else 0)
    report(findings)
    if len(findings) > 1:
        # Last, since of a pod's log Kubernetes shows the end.
        typer.echo(f"{folder}: not as it was built, {len(findings)} findings", err=True)
    if findings:
        raise typer.Exit(1)
    built = manifest.read_manifest(folder)
    how = "" if signed is None else ", and signed"
    typer.echo(f"{folder}: {len(built.files)} files are as they were built{how}")


def _in_claim(uri: str, mounted: str) -> Path:
    """The folder that KServe mounts for a storageUri, below the claim's root."""
    claim, equals, root = mounted.partition("=")
    if not (claim and equals and root):
        raise usage(f"--mounted: expected CLAIM=FOLDER, found {mounted}")
    scheme, _, rest = uri.partition("://")
    named, *parts = rest.split("/")
    if scheme != "pvc" or named != claim:
        raise failed(
            f"storageUri: expected pvc://{claim}/…, the volume that is verified here, found "
            f"{uri or 'none'}. What is served would not be what was verified: name the claim of "
            "the storageUri in the volume and in --mounted too"
        )
    if {".", ".."} & {*parts}:
        raise failed(f"storageUri: expected a path without . and .., found {uri}")
    return Path(root).joinpath(*filter(None, parts))


def _read(secret: Path) -> bytes:
    try:
        return secret.read_bytes()
    except OSError as problem:
        raise usage(f"cannot read {secret}: {problem.strerror}") from problem
