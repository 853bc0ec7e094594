"""The commands ``push`` and ``pull``. They import nothing heavy before they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from builders.cli_exit import failed, usage
from builders.cli_sign import REPOSITORY, TrustConfig

Quiet = Annotated[bool, typer.Option(help="Show no progress.")]
Delete = Annotated[
    bool, typer.Option("--delete", help="Remove what lies there and no push or pull wrote.")
]
PlainHttp = Annotated[
    bool, typer.Option("--plain-http", help="Of oci:; 127.0.0.1 and localhost need no TLS anyway.")
]


def push(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="[REPOSITORY] DESTINATION",
            help="A built repository, else model_repository; then s3://bucket/prefix, "
            "pvc:/mounted/folder or oci:registry/name:tag.",
        ),
    ],
    delete: Delete = False,
    quiet: Quiet = False,
    plain_http: PlainHttp = False,
    base: Annotated[
        str | None,
        typer.Option(help="Of oci:; an image with a shell to build on, for KServe's modelcar."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Of oci:; write an OCI image layout into this folder, and send nothing."),
    ] = None,
) -> None:
    """Send a built repository to a bucket, a volume or a registry; resumes, and verifies."""
    from builders.kit.transfer.errors import TransferError
    from builders.kit.transfer.run import Options, run_push

    if len(places) > 2:
        raise usage(f"expected [REPOSITORY] DESTINATION, found {len(places)} arguments")
    repository = Path(places[0]) if len(places) == 2 else REPOSITORY
    if not repository.is_dir():
        raise usage(f"{repository} is not a folder; `make build-repo` builds one")
    options = Options(delete, quiet, plain_http, base, output)
    try:
        typer.echo(run_push(repository, places[-1], options))
    except TransferError as problem:
        raise failed(str(problem)) from problem


def pull(
    source: Annotated[str, typer.Argument(help="What `push` takes as DESTINATION.")],
    folder: Annotated[Path, typer.Argument(help="Where the repository will lie.")],
    delete: Delete = False,
    quiet: Quiet = False,
    plain_http: PlainHttp = False,
    public_key: Annotated[
        Path | None,
        typer.Option(help="Refuse what was not signed with this public key's other half."),
    ] = None,
    require_signature: Annotated[
        bool,
        typer.Option(
            "--require-signature",
            help="Refuse what is not signed; with --public-key or --identity.",
        ),
    ] = False,
    identity: Annotated[
        str | None, typer.Option(help="Who must have signed, if it was --keyless; with --issuer.")
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(help="The address of that identity's OpenID Connect issuer.")
    ] = None,
    trust_config: TrustConfig = None,
) -> None:
    """Fetch a repository, verify every file by its manifest, and its signature where required."""
    from builders.kit.sign import Identity, SigningError, verify_signature
    from builders.kit.transfer.errors import TransferError
    from builders.kit.transfer.run import Options, run_pull

    if (identity is None) is not (issuer is None):
        raise usage("--identity and --issuer belong together")
    if public_key is not None and identity is not None:
        raise usage("give either --public-key or --identity")
    who: Identity | Path | None = public_key
    if identity is not None and issuer is not None:
        who = Identity(identity, issuer, trust_config)
    if require_signature and who is None:
        raise usage("--require-signature needs --public-key public.pem, or --identity and --issuer")
    try:
        done = run_pull(source, folder, Options(delete, quiet, plain_http))
        if who is not None:
            verify_signature(folder, who)
    except (TransferError, SigningError) as problem:
        raise failed(str(problem)) from problem
    typer.echo(f"{done}{'' if who is None else ', and signed'}")
