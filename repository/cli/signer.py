"""The options that say who must have signed a repository, for every command that verifies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repository.cli.exit import usage

if TYPE_CHECKING:
    from repository.sign import Identity

PublicKey = Annotated[
    Path | None,
    typer.Option(help="Refuse what was not signed with this public key's private key."),
]
RequireSignature = Annotated[
    bool,
    typer.Option(
        "--require-signature",
        help="Fail if neither a key nor an identity is given, as by a script's empty variable.",
    ),
]
SignerIdentity = Annotated[
    str | None, typer.Option(help="Who must have signed, for a --keyless signature; with --issuer.")
]
Issuer = Annotated[
    str | None, typer.Option(help="The address of that identity's OpenID Connect issuer.")
]
TrustConfig = Annotated[
    Path | None,
    typer.Option(
        help="The client trust configuration of a private sigstore; otherwise the public one."
    ),
]


def signer(
    public_key: Path | None,
    require_signature: bool,
    identity: str | None,
    issuer: str | None,
    trust_config: Path | None,
) -> Path | Identity | None:
    """Who must have signed; None if nobody has to.

    Raises:
        typer.Exit: the options contradict each other; the error was printed.
    """
    from repository.sign import Identity

    if (identity is None) is not (issuer is None):
        raise usage("--identity and --issuer belong together")
    if public_key is not None and identity is not None:
        raise usage("give either --public-key or --identity")
    if identity is not None and issuer is not None:
        return Identity(identity, issuer, trust_config)
    if require_signature and public_key is None:
        raise usage("--require-signature needs --public-key public.pem, or --identity and --issuer")
    return public_key
