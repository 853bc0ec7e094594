"""Swaps what was fetched beside a folder's content into its place, or puts back what was there.

The folder itself may be a mount point, which cannot be renamed, so its models are, one by one, on
one file system. What is done is written down first: a swap that was cut off is undone by the next
pull, which then finds everything fetched. In between the folder has no manifest, and ``verify``
refuses it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from repository.files.bounded_file import Unreadable
from repository.files.json_file import read_object
from repository.transfer.errors import TransferError

STAGED = "new"
"""The folder below ``.pull/`` in which the new content is gathered and judged."""

_OLD = "old"
_RECORD = "swap.json"


def swap(folder: Path, inbox: Path, gone: Sequence[str], put: Sequence[str]) -> None:
    """Replace entries at a folder's root by those that were gathered.

    Args:
        folder: the folder.
        inbox: its ``.pull/``, with the new entries in :data:`STAGED`.
        gone: names of entries that go, in this order; some may not be there.
        put: names of entries that come, in this order.

    Raises:
        OSError: an entry cannot be moved; all is as it was before.
    """
    old = inbox / _OLD
    old.mkdir(exist_ok=True)
    gone = [name for name in gone if os.path.lexists(folder / name)]
    record = inbox / f"{_RECORD}.{os.getpid()}"
    record.write_text(json.dumps({"gone": gone, "put": list(put)}))
    record.replace(inbox / _RECORD)
    try:
        for name in gone:
            (folder / name).rename(old / name)
        for name in put:
            (inbox / STAGED / name).rename(folder / name)
    except BaseException:
        undo(folder, inbox)
        raise
    (inbox / _RECORD).unlink()
    shutil.rmtree(old, ignore_errors=True)


def undo(folder: Path, inbox: Path) -> None:
    """Put back what a swap that was cut off took out, if there was one.

    Raises:
        OSError: an entry cannot be moved.
        TransferError: the record of the swap is malformed.
    """
    if not os.path.lexists(inbox / _RECORD):
        shutil.rmtree(inbox / _OLD, ignore_errors=True)
        return
    try:
        record = read_object(inbox / _RECORD)
        gone, put = map(_names, (record["gone"], record["put"]))
    except (Unreadable, ValueError, KeyError, TypeError) as error:
        raise TransferError(
            f"{inbox / _RECORD}: expected what a pull wrote, found something else. Look what of "
            f"{inbox / _OLD} belongs into {folder}, then remove {inbox}."
        ) from error
    (inbox / STAGED).mkdir(exist_ok=True)
    for name in reversed(put):
        came = os.path.lexists(folder / name) and not os.path.lexists(inbox / STAGED / name)
        if came and (name not in gone or os.path.lexists(inbox / _OLD / name)):
            (folder / name).rename(inbox / STAGED / name)
    for name in reversed(gone):
        if os.path.lexists(inbox / _OLD / name) and not os.path.lexists(folder / name):
            (inbox / _OLD / name).rename(folder / name)
    (inbox / _RECORD).unlink()
    with contextlib.suppress(OSError):
        (inbox / _OLD).rmdir()


def _names(value: object) -> list[str]:
    """Names of entries of a folder, nothing that leads out of it."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError
    if any(not each or each in (".", "..") or "/" in each or "\0" in each for each in value):
        raise ValueError
    return value
