"""The names and shapes of a checkpoint's tensors, read from its files' headers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.weights import INDEX

ONE_FILE = "model.safetensors"


@dataclass(frozen=True)
class Header:
    """A tensor of a checkpoint.

    Attributes:
        file: the name of the file that holds it.
        shape: its shape.
    """

    file: str
    shape: tuple[int, ...]


def read_headers(folder: Path) -> Mapping[str, Header]:
    """The tensors in model.safetensors, or in the files that its index names, by name.

    Raises:
        SourceError: there is neither, or a file cannot be read.
    """
    return dict(_headers(folder))


def _headers(folder: Path) -> Iterator[tuple[str, Header]]:
    from safetensors import SafetensorError, safe_open

    for name in _files(folder):
        try:
            with safe_open(folder / name, framework="numpy") as opened:
                for tensor in opened.keys():  # noqa: SIM118 (it is no mapping)
                    yield tensor, Header(name, tuple(opened.get_slice(tensor).get_shape()))
        except (OSError, SafetensorError) as error:
            raise SourceError(
                f"{folder / name}: expected safetensors, found: {error}. Fetch the whole "
                "checkpoint again."
            ) from None


def _files(folder: Path) -> list[str]:
    index = folder / f"model{INDEX}"
    if (folder / ONE_FILE).is_file():
        return [ONE_FILE]
    if index.is_file():
        listed = read_settings(index).get("weight_map")
        return sorted({str(each) for each in listed.values()} if isinstance(listed, dict) else ())
    raise SourceError(
        f"{folder}: expected weights in {ONE_FILE}, or in the files that {index.name} names, "
        "found neither. Save the checkpoint with transformers' save_pretrained."
    )
