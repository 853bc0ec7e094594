"""Who owns the files of a place: what a push may replace and remove, and what it never touches.

An address does not own everything below it: below ``s3://bucket`` there may be repositories of
other pushes, and a place may itself lie within a repository. A push to an address removes and
replaces what that very address wrote: what the manifest there lists, and what a push that was cut
off recorded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from repository.manifest import KIT, MAXIMUM_BYTES, SIGNATURE, UNMANAGED, File, Manifest
from repository.manifest.schema import MANIFEST
from repository.transfer.errors import TransferError
from repository.transfer.store import Entry, Store

_SHOWN = 5


def check_apart(place: str, names: Iterable[str], around: str) -> None:
    """Refuse a place that lies within a repository, or that holds one below it.

    Args:
        place: its address.
        names: of the files below it, without those of its own repository.
        around: the address of a repository that holds the place; empty if none does.

    Raises:
        TransferError: one lies within the other.
    """
    if around:
        raise TransferError(
            f"{place}: expected a place outside of every repository, found a {MANIFEST} at "
            f"{around}, within which it lies. Push to a place apart from that one."
        )
    parents = sorted(name.rpartition("/")[0] for name in names if name.endswith(f"/{MANIFEST}"))
    if parents:
        raise TransferError(
            f"{place}: expected no other repository below it, found a {MANIFEST} in "
            f"{shown(parents)}. Push to another place, such as a folder beside it."
        )


def stale(
    store: Store,
    entries: Mapping[str, Entry],
    wanted: Mapping[str, File],
    old: Manifest | None,
    is_right: Callable[[str, File], bool],
    *,
    delete: bool,
) -> list[str]:
    """What is there, is not wanted, and may be removed: Triton would load it as a model.

    Args:
        store: the place.
        entries: what is there.
        wanted: what will be there.
        old: the manifest that is there.
        is_right: whether a file is there as it is wanted.
        delete: also remove, and replace, what no push wrote.

    Raises:
        TransferError: there is a repository below or around it; or it holds files that somebody
            else wrote, under names that will be written or not.
    """
    own = _own(store, entries, old)
    check_apart(store.place, entries.keys() - own, store.around())
    unknown = entries.keys() - own
    right = {
        name
        for name in unknown & wanted.keys()
        if store.recorded(name) == wanted[name].sha256 or is_right(name, wanted[name])
    }
    strange = sorted(unknown - right)
    if old is None and (own or right):
        # A push of this build was cut off here: what differs under its names is what it left.
        strange = [name for name in strange if name not in wanted]
    others = {name: writer for name in strange if (writer := store.writer(name))}
    if others:
        raise TransferError(
            f"{store.place}: expected nothing, or what an earlier push to it wrote, found "
            f"{shown(others)}, which a push to {shown([*others.values()][:1])} wrote. "
            "Push to another place, or remove that one first."
        )
    if strange and not delete:
        raise TransferError(
            f"{store.place}: expected nothing, or what an earlier push wrote, found "
            f"{shown(strange)}, which Triton would take for models, or which this push would "
            "replace. Push to another place, or have them removed.",
            arguments=("delete",),
        )
    return sorted(entries.keys() - wanted.keys())


def ours(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """What a push looks at: everything but files that no build writes, as the root's README."""
    return {name: entry for name, entry in entries.items() if name not in UNMANAGED}


def repository_around(folder: Path) -> str:
    """The nearest folder above that holds a repository; empty if there is none.

    Many tools write a ``manifest.json``; only one that names this kit counts.
    """
    for parent in folder.resolve().parents:
        with contextlib.suppress(OSError):
            path = parent / MANIFEST
            small = path.is_file() and path.stat().st_size <= MAXIMUM_BYTES
            if small and KIT.encode() in path.read_bytes():
                return str(parent)
    return ""


def shown(names: Collection[str]) -> str:
    """The first of some names, and how many more there are."""
    first = list(names)[:_SHOWN]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name if name.isprintable() else ascii(name) for name in first) + more


def _own(store: Store, entries: Mapping[str, Entry], old: Manifest | None) -> set[str]:
    """What this very address wrote."""
    listed = {*old.files, MANIFEST, SIGNATURE} if old else set()
    known = entries.keys() & listed
    return known | {name for name in entries.keys() - known if store.wrote(name)}
