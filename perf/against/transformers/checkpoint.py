"""The checkpoint that a repository was built from, as its manifest records it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from perf.errors import PerfError
from repository.files.hashing import sha256_of
from repository.files.json_file import read_object
from repository.places import ROOT


def checkpoint_of(repository: Path, pipeline: str, component: str) -> Path:
    """The folder of the checkpoint that the manifest names for a component of a pipeline's family.

    Raises:
        PerfError: the repository has no such pipeline, or the checkpoint is gone or has changed.
    """
    families = read_object(repository / "manifest.json")["families"]
    family = next((each for each in families.values() if pipeline in each["pipelines"]), None)
    if family is None:
        raise PerfError(
            f"{repository}: expected the pipeline '{pipeline}', found none of that name. "
            f"Build a profile that has its family, and names a source for its '{component}'."
        )
    source = family["sources"][component]
    folder = _found(source["uri"])
    _compare(folder, source["files"])
    return folder


def _found(uri: str) -> Path:
    """Where a source lies on this machine; a repository of the hub lies in the hub's cache.

    Raises:
        PerfError: it is not on this machine.
    """
    scheme, _, name = uri.partition(":")
    if scheme == "hub":
        return _in_cache(*name.split("@"))
    if scheme == "demo":
        family, _, rest = name.rpartition("/")
        places = list((ROOT / "builders").glob(f"{family or '*'}/demo/{rest}"))
    elif scheme == "package":
        spec = importlib.util.find_spec(name.split("/")[0])
        roots = [] if spec is None else spec.submodule_search_locations or []
        places = [Path(each).parent / name for each in roots]
    else:
        places = [Path(name).expanduser()]
    for place in places:
        if place.exists():
            return place.absolute()
    raise PerfError(
        f"{uri}: expected the checkpoint that the repository was built from, found none. Put it "
        "back, or build the repository again."
    )


def _in_cache(name: str, commit: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=commit, local_files_only=True))
    except OSError:
        raise PerfError(
            f"hub:{name}@{commit}: expected the checkpoint in the local cache, found none. Fetch "
            f"it with 'hf download {name} --revision {commit}'."
        ) from None


def _compare(folder: Path, files: Mapping[str, str]) -> None:
    """Holds the files to their recorded SHA-256."""
    for name, expected in files.items():
        path = folder / name if folder.is_dir() else folder
        found = sha256_of(path)
        if found != expected:
            raise PerfError(
                f"{path}: expected the content {expected[:12]}… that the repository was built "
                f"from, found {found[:12]}…. Build the repository again."
            )
