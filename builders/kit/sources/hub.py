"""``hub:``: a pinned snapshot of a model on a Hugging Face hub, from the local cache or fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from builders.kit.sources.error import SourceError
from builders.kit.sources.files import FILE_PATTERNS, source_folder
from builders.kit.sources.weights import PICKLE_PATTERNS


def snapshot(repository: str, commit: str, *, offline: bool) -> tuple[Path, Mapping[str, str]]:
    """The folder of a snapshot, and its files as relative path -> SHA-256.

    Only safetensors, ONNX, configurations and tokenizers are fetched. A file that the hub's cache
    names by its content is compared with that name.

    Args:
        repository: ``org/name``.
        commit: 40 hexadecimal digits.
        offline: look in the local cache only.

    Raises:
        SourceError: not in the cache, not on the hub, incomplete, changed, or without safe weights.
    """
    # Imported here: most builds need no hub.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    where = f"hub:{repository}@{commit}"
    try:
        folder = Path(
            snapshot_download(
                repository,
                revision=commit,
                allow_patterns=list(FILE_PATTERNS),
                ignore_patterns=list(PICKLE_PATTERNS),
                local_files_only=offline,
            )
        ).resolve()
    except HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[0]
        raise SourceError(
            f"{where}: expected that revision on the hub, found: {reason}. Check name and commit; "
            "a gated model needs HF_TOKEN."
        ) from error
    except (OSError, ValueError) as error:  # not in the cache, incomplete, or no connection
        remedy = (
            "Allow the hub in the profile, or fetch it once with 'hf download "
            f"{repository} --revision {commit}'."
            if offline
            else "Check the connection, HF_ENDPOINT and HF_HUB_OFFLINE."
        )
        place = "the local cache" if offline else "the hub or the local cache"
        raise SourceError(
            f"{where}: expected a complete snapshot in {place}, found none. {remedy}"
        ) from error
    blobs = folder.parent.parent / "blobs"
    files = source_folder(folder, allowed=blobs.resolve())
    for name, found in files.items():
        _compare_with_blob(where, folder / name, blobs, found)
    return folder, files


def _compare_with_blob(where: str, file: Path, blobs: Path, found: str) -> None:
    """Check a cached file against its blob's name.

    The name is the hub's ETag: a SHA-256 for a large file, git's SHA-1 of the blob for a small one.
    """
    blob = file.resolve()
    if blob.parent != blobs.resolve():
        return
    if len(blob.name) == 40:
        content = blob.read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    if len(blob.name) in (40, 64) and found != blob.name:
        raise SourceError(
            f"{where}, file '{file.name}': expected the content {blob.name[:12]}…, found "
            f"{found[:12]}…. The cached file was changed: delete it and fetch it again."
        )
