"""The commands ``push`` and ``pull``. They import nothing heavy before they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repository.cli.exit import failed, usage
from repository.cli.folder import REPOSITORY, require_folder
from repository.cli.signer import (
    Issuer,
    PublicKey,
    RequireSignature,
    SignerIdentity,
    TrustConfig,
    signer,
)
from repository.transfer.claim.kubectl import IMAGE, TIMEOUT

Quiet = Annotated[bool, typer.Option(help="Show no progress.")]
Delete = Annotated[
    bool, typer.Option("--delete", help="Also remove files there that no push or pull wrote.")
]
PlainHttp = Annotated[
    bool, typer.Option("--plain-http", help="For oci:. 127.0.0.1 and localhost need no TLS anyway.")
]

Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="For pvc:claim. Without it: kubectl's own.")
]
Context = Annotated[str | None, typer.Option(help="For pvc:claim. As kubectl takes it.")]
Kubeconfig = Annotated[Path | None, typer.Option(help="For pvc:claim. As kubectl takes it.")]
PodImage = Annotated[
    str,
    typer.Option(
        "--image", help="For pvc:claim. The pod's image, with busybox, or coreutils and findutils."
    ),
]
Timeout = Annotated[
    float, typer.Option(min=0, help="For pvc:claim. Seconds that the pod gets to start.")
]


def push(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="[REPOSITORY] DESTINATION",
            help="A built repository, else model_repository; then s3://bucket/prefix, "
            "pvc:claim/path (through kubectl), pvc:/mounted/folder or oci:registry/name:tag.",
        ),
    ],
    delete: Delete = False,
    quiet: Quiet = False,
    plain_http: PlainHttp = False,
    base: Annotated[
        str | None,
        typer.Option(help="For oci:. An image with a shell to build on, for KServe's modelcar."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="For oci:. Write an OCI image layout into this folder, and send nothing."
        ),
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    image: PodImage = IMAGE,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Send a built repository to a bucket, a volume or a registry, and verify what arrived.

    After an interruption, push again. Files that have arrived are not sent twice. A file that was
    cut off goes on: in a volume from the byte where it broke, in a bucket from its next part (16
    MiB), in a registry from the start of its layer, which is one model.
    """
    from repository.transfer.claim.kubectl import Cluster
    from repository.transfer.errors import TransferError
    from repository.transfer.run import Options, run_push

    if len(places) > 2:
        raise usage(f"expected [REPOSITORY] DESTINATION, found {len(places)} arguments")
    repository = Path(places[0]) if len(places) == 2 else REPOSITORY
    require_folder(repository)
    cluster = Cluster(namespace, context, kubeconfig, image, timeout)
    options = Options(delete, quiet, plain_http, base, output, cluster)
    try:
        typer.echo(run_push(repository, places[-1], options))
    except TransferError as problem:
        raise failed(problem) from problem


def pull(
    source: Annotated[str, typer.Argument(help="What `push` takes as DESTINATION.")],
    folder: Annotated[Path, typer.Argument(help="Where the repository will lie.")],
    delete: Delete = False,
    quiet: Quiet = False,
    plain_http: PlainHttp = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    image: PodImage = IMAGE,
    timeout: Timeout = TIMEOUT,
    public_key: PublicKey = None,
    require_signature: RequireSignature = False,
    identity: SignerIdentity = None,
    issuer: Issuer = None,
    trust_config: TrustConfig = None,
) -> None:
    """Fetch a repository, verify every file by its manifest, and its signature where required."""
    from repository.sign import SigningError, verify_signature
    from repository.transfer.claim.kubectl import Cluster
    from repository.transfer.errors import TransferError
    from repository.transfer.run import Options, run_pull

    who = signer(public_key, require_signature, identity, issuer, trust_config)
    cluster = Cluster(namespace, context, kubeconfig, image, timeout)

    def judge(fetched: Path) -> None:
        if who is None:
            return
        try:
            verify_signature(fetched, who)
        except SigningError as problem:
            # It was fetched beside the folder, from where it is gone when this is read.
            raise TransferError(
                [each.moved(str(fetched), source) for each in problem.findings]
            ) from problem

    options = Options(delete, quiet, plain_http, cluster=cluster, judge=judge)
    try:
        done = run_pull(source, folder, options)
    except TransferError as problem:
        raise failed(problem) from problem
    typer.echo(f"{done}{'' if who is None else ', and signed'}")
