"""Chooses by its address how a repository is sent or fetched, and says what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from repository.pip_commands import requirements_command
from repository.transfer.address import Address, Bucket, Claim, Image, Layout, Mounted, parse
from repository.transfer.arrival import Judge
from repository.transfer.claim.kubectl import Cluster
from repository.transfer.contents import contents_of
from repository.transfer.errors import TransferError
from repository.transfer.meter import Meter
from repository.transfer.pull import Pulled, pull
from repository.transfer.push import Pushed, push
from repository.transfer.store import FolderSource, Source

if TYPE_CHECKING:
    from repository.transfer.s3.store import S3Store


@dataclass(frozen=True)
class Options:
    """What the command line may say about a transfer.

    Attributes:
        delete: remove what lies there and no push or pull wrote.
        quiet: show no progress.
        plain_http: speak to a registry without TLS.
        base: the image whose layers come first.
        output: where to write an OCI image layout instead of sending.
        cluster: where a claim is.
        judge: has to agree to what was pulled before anything in the folder changes.
    """

    delete: bool = False
    quiet: bool = False
    plain_http: bool = False
    base: str | None = None
    output: Path | None = None
    cluster: Cluster = field(default_factory=Cluster)
    judge: Judge | None = None


def run_push(repository: Path, destination: str, options: Options) -> str:
    """Send a repository.

    Returns:
        What was done, and the ``storageUri`` to name in an InferenceService.

    Raises:
        TransferError: see the module of each destination.
    """
    address = parse(destination)
    if (options.base or options.output) and not isinstance(address, Image | Layout):
        raise TransferError(
            f"{address}: expected no base image and no folder for an image layout, which are for "
            "oci: alone, found one. Leave it out.",
            arguments=("base", "output"),
        )
    _claims_alone(address, options)
    contents = contents_of(repository)
    if isinstance(address, Bucket):
        done = push(contents, _bucket(address), delete=options.delete, quiet=options.quiet)
        return _pushed(address, done)
    if isinstance(address, Claim):
        from repository.transfer.claim.store import claim_store

        note = Meter(f"push to {address}", 0, quiet=options.quiet).note
        with claim_store(address, options.cluster, writable=True, note=note) as store:
            done = push(contents, store, delete=options.delete, quiet=options.quiet)
        return _pushed(address, done)
    if isinstance(address, Mounted):
        _outside(repository, address.folder)
        source = FolderSource(repository)
        pulled = pull(source, address.folder, delete=options.delete, quiet=options.quiet)
        return f"{address}: {_counts(pulled)}"
    from repository.transfer.oci.push import push_image, write_layout

    if isinstance(address, Layout) or options.output is not None:
        if options.base:
            raise TransferError(
                f"{address}: expected no base image, which goes with a registry and not with a "
                "folder, found one. Leave it out.",
                arguments=("base",),
            )
        folder = address.folder if isinstance(address, Layout) else options.output
        assert folder is not None
        _outside(repository, folder)
        return write_layout(contents, folder)
    return push_image(
        contents,
        address,
        base=options.base,
        plain_http=options.plain_http,
        quiet=options.quiet,
        delete=options.delete,
    )


def run_pull(source: str, folder: Path, options: Options) -> str:
    """Fetch a repository.

    Returns:
        What was done.

    Raises:
        TransferError: see the module of each source.
    """
    address = parse(source)
    _claims_alone(address, options)
    if isinstance(address, Bucket):
        done = _pull(_bucket(address), folder, options)
    elif isinstance(address, Mounted):
        _outside(address.folder, folder)
        done = _pull(FolderSource(address.folder), folder, options)
    elif isinstance(address, Image):
        from repository.transfer.oci.pull import pull_image

        done = pull_image(
            address,
            folder,
            plain_http=options.plain_http,
            delete=options.delete,
            quiet=options.quiet,
            judge=options.judge,
        )
    elif isinstance(address, Claim):
        from repository.transfer.claim.store import claim_store

        note = Meter(f"pull from {address}", 0, quiet=options.quiet).note
        with claim_store(address, options.cluster, writable=False, note=note) as store:
            done = _pull(store, folder, options)
    else:
        raise TransferError(f"{address}: expected a registry's image, found a folder. Push it.")
    return f"{folder}: {_counts(done)}"


def _bucket(address: Bucket) -> S3Store:
    try:
        from repository.transfer.s3.store import S3Store
    except ModuleNotFoundError as error:
        raise TransferError(
            f"s3: needs the package '{error.name}'. Install it: {requirements_command('s3')}."
        ) from error
    return S3Store(address)


def _pull(source: Source, folder: Path, options: Options) -> Pulled:
    return pull(source, folder, delete=options.delete, quiet=options.quiet, judge=options.judge)


def _claims_alone(address: Address, options: Options) -> None:
    if options.cluster != Cluster() and not isinstance(address, Claim):
        raise TransferError(
            f"{address}: expected nothing said of a cluster, which is for a claim, as "
            "pvc:claim/path, alone. Leave it out.",
            arguments=("namespace", "context", "kubeconfig", "image", "timeout"),
        )


def _pushed(address: Bucket | Claim, done: Pushed) -> str:
    counts = f"{len(done.sent)} sent, {len(done.kept)} kept, {len(done.removed)} removed"
    return f"{address}: {counts}, all verified\nstorageUri: {address.storage_uri}"


def _counts(done: Pulled) -> str:
    return f"{len(done.fetched)} files copied, {len(done.kept)} kept, all verified"


def _outside(source: Path, target: Path) -> None:
    """A folder that is copied into itself would be lost."""
    one, other = source.resolve(), target.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise TransferError(
            f"{target}: expected a folder apart from {source}, found one inside the other, or the "
            "same. Give another folder."
        )
