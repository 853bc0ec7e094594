"""Whether a checkpoint's weights are there, whole and safe to read, as far as their heads tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from builders.kit.sources.error import AGAIN, SourceError, read_settings
from repository.files.json_file import kind_of_value
from repository.findings import shortened

WEIGHT_PATTERNS = ("*.safetensors", "*.onnx")
"""File names of weights."""

PICKLE_PATTERNS = ("*.bin", "*.ckpt", "*.pickle", "*.pkl", "*.pt", "*.pth", "*.joblib", "*.npy")
"""File names of weights that only unpickling reads, or that may hold pickled objects."""

INDEX = ".safetensors.index.json"
"""How the name of a list of shards ends."""


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a relative path's last part fits one of the patterns."""
    last = PurePosixPath(name).name
    return any(fnmatchcase(last, pattern) for pattern in patterns)


def check_weights(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder without weights, or with pickled ones only.

    Raises:
        SourceError: so it is.
    """
    names = list(names)
    if any(matches(name, WEIGHT_PATTERNS) for name in names):
        return
    pickles = [name for name in names if matches(name, PICKLE_PATTERNS)]
    if pickles:
        raise SourceError(
            f"{folder}: expected weights as safetensors or ONNX, found only pickles "
            f"({_listed(pickles)}), which run code when they are read. Use a revision with "
            "safetensors, or convert them with safetensors.torch.save_file."
        )
    raise SourceError(
        f"{folder}: expected weights ({' or '.join(WEIGHT_PATTERNS)}), found "
        f"{_listed(names, 5) or 'an empty folder'}. Name the folder that holds them."
    )


def check_shards(folder: Path, names: Collection[str]) -> None:
    """Refuse a folder that lacks weights that its index names.

    Args:
        folder: the checkpoint's.
        names: the files that it has.

    Raises:
        SourceError: an index is not a list of shards beside it, or one of them is missing.
    """
    for name in sorted(each for each in names if each.endswith(INDEX)):
        file = folder / name
        weights = read_settings(file).get("weight_map")
        if not isinstance(weights, dict):
            raise SourceError(
                f"{file}: expected an index of shards, a weight_map of tensors and their files, "
                f"found as weight_map {kind_of_value(weights)}. {AGAIN}"
            )
        for tensor, shard in weights.items():
            if not isinstance(shard, str):
                raise SourceError(
                    f"{file}, weight_map, '{shortened(tensor)}': expected the name of a file, "
                    f"found {kind_of_value(shard)}. {AGAIN}"
                )
        shards = set(weights.values())
        if outside := sorted(each for each in shards if "/" in each or each in ("", ".", "..")):
            raise SourceError(
                f"{file}: expected the names of files beside it, found {_listed(outside)}. {AGAIN}"
            )
        parent = PurePosixPath(name).parent
        if missing := sorted(each for each in shards if str(parent / each) not in names):
            raise SourceError(
                f"{folder}: expected the {len(shards)} shards that {name} names, found "
                f"{len(missing)} missing ({_listed(missing)}). {AGAIN}"
            )


def check_safetensors(folder: Path, names: Iterable[str]) -> None:
    """Refuse safetensors whose header does not fit what follows it, as in a file that is cut off.

    Args:
        folder: the checkpoint's.
        names: its files; those of other kinds are passed over.

    Raises:
        SourceError: there is such a file; the error names all of them.
    """
    wrong = []
    for name in sorted(names):
        if name.endswith(".safetensors") and (found := _mistake(folder / name)):
            wrong.append(f"{shortened(name)} ({shortened(found)})")
    if wrong:
        raise SourceError(
            f"{folder}: expected whole safetensors, found {', '.join(wrong[:3])}"
            f"{f' and {len(wrong) - 3} more' if len(wrong) > 3 else ''}. {AGAIN}"
        )


def _mistake(file: Path) -> str:
    """What is wrong with a safetensors file; empty if nothing is."""
    from safetensors import safe_open

    try:
        with safe_open(file, framework="numpy"):
            return ""
    except Exception as error:  # its own class, and what its Rust part raises
        return str(error).strip().partition("\n")[0] or "another file"


def _listed(names: list[str], most: int = 3) -> str:
    return ", ".join(map(shortened, names[:most]))
