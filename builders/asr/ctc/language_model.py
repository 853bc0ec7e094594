"""An n-gram model of words for the beam search: KenLM's file, and the words that it knows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path

from builders.kit.sources.error import SourceError

MAGIC = b"mmap lm http://kheafield.com/code"
"""How KenLM's binary files begin (lm/binary_format.cc)."""

FIRST_WORD = b"<unk>\0"
"""The beginning of the list of words at such a file's end (lm/vocab.cc). Without the list, a model
does not know its words."""

ARPA_HEAD = 1 << 16
r"""Bytes in which an ARPA file comes to ``\data\``: there may be a comment before it."""

SPECIAL = ("<unk>", "<s>", "</s>")


def model(source: Path, out: Path) -> Mapping[str, object]:
    """Copies the KenLM file, ARPA or binary.

    Raises:
        SourceError: there is no file, there are several, or KenLM cannot read it.
    """
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    path = _file(source)
    try:
        KenLM(str(path), Dictionary())
    except Exception as problem:  # KenLM's exceptions of C++ arrive as several types
        reason = str(problem).strip().splitlines()
        raise SourceError(
            f"{path}: expected an n-gram model that KenLM reads, found: "
            f"{reason[-1] if reason else 'none'}. Make one with KenLM's lmplz or build_binary."
        ) from problem
    shutil.copyfile(path, out)
    return {"format": "binary" if _binary(path) else "arpa"}


def words(source: Path, out: Path) -> Mapping[str, object]:
    """Writes the words that the model knows, one a line.

    Raises:
        SourceError: there is no model, or it does not hold its words.
    """
    path = _file(source)
    found = [
        word
        for word in (_of_binary if _binary(path) else _of_arpa)(path)
        if word and word not in SPECIAL
    ]
    if not found:
        raise SourceError(
            f"{path}: expected an n-gram model with its words, found none. "
            "Make it with KenLM's lmplz, and build_binary without leaving out the vocabulary."
        )
    out.write_text("\n".join(found) + "\n", encoding="utf-8")
    return {"words": len(found)}


def form(source: Path) -> None:
    """Refuse a file that is neither KenLM's binary nor ARPA by its beginning.

    Raises:
        SourceError: it is neither, or there is no file, or there are several.
    """
    path = _file(source)
    if _binary(path):
        return
    with path.open("rb") as file:
        head = file.read(ARPA_HEAD)
    if b"\\data\\" not in head:
        raise SourceError(
            f"{path}: expected an n-gram model, .arpa or KenLM's binary, found another file. "
            "Make one with KenLM's lmplz or build_binary."
        )


def _file(source: Path) -> Path:
    if source.is_file():
        return source
    found = [
        path
        for path in sorted(source.iterdir())
        if path.suffix == ".arpa" or (path.is_file() and _binary(path))
    ]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise SourceError(
            f"{source}: expected one n-gram model, .arpa or KenLM's binary, found {names}. "
            "Name the file itself."
        )
    return found[0]


def _binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _of_binary(path: Path) -> Iterator[str]:
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        start = content.rfind(FIRST_WORD)
        words = content[start:] if start >= 0 else b""
    yield from (word.decode("utf-8", "replace") for word in words.rstrip(b"\0").split(b"\0"))


def _of_arpa(path: Path) -> Iterator[str]:
    r"""The words of the section ``\1-grams:``, whose lines are probability, word, back-off."""
    with path.open(encoding="utf-8", errors="replace") as file:
        inside = False
        for line in file:
            if line.startswith("\\"):
                if inside:
                    return
                inside = line.strip() == "\\1-grams:"
            elif inside and (fields := line.split()):
                yield fields[1]
