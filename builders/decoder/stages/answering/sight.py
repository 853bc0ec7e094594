"""Embeddings of images, from the pipeline that sees; those of images seen lately are kept."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Call = Callable[[str, Sequence[Mapping[str, np.ndarray]]], "list[dict[str, np.ndarray]]"]

KEPT_BYTES = 64 << 20
"""Of embeddings. A conversation shows its images again with each question."""


@dataclass(frozen=True)
class Seen:
    """An image.

    Attributes:
        rows: FP32 [rows, hidden], its embeddings.
        keys: INT64 [rows], one for each row: the same for the same image, and below zero, where no
            token is.
    """

    rows: np.ndarray
    keys: np.ndarray


def seen(rows: np.ndarray, content: bytes) -> Seen:
    """An image, known by a digest of what it was made from."""
    digest = hashlib.blake2b(content, digest_size=8).digest()
    begin = int.from_bytes(digest, "big") >> 2
    return Seen(rows, -1 - (begin + np.arange(len(rows), dtype=np.int64)))


class Sight:
    """Asks the eye for images' embeddings; any thread may.

    Args:
        eye: the pipeline, ``image`` -> ``image_embeds``.
        call: runs it, as a stage's ``call`` does.
    """

    def __init__(self, eye: str, call: Call) -> None:
        self._eye, self._call = eye, call
        self._kept: OrderedDict[bytes, Seen] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, files: Sequence[bytes]) -> list[Seen]:
        """The images in encoded files.

        Raises:
            Exception: what ``call`` raises of one of them.
        """
        names = [hashlib.sha256(each).digest() for each in files]
        with self._lock:
            found = {name: self._kept[name] for name in names if name in self._kept}
            for name in found:
                self._kept.move_to_end(name)
        missing = {name: file for name, file in zip(names, files, strict=True) if name not in found}
        if missing:
            requests = [{"image": np.frombuffer(each, np.uint8)} for each in missing.values()]
            answers = self._call(self._eye, requests)
            for name, answer in zip(missing, answers, strict=True):
                found[name] = seen(answer["image_embeds"].astype(np.float32), name)
                self._keep(name, found[name])
        return [found[each] for each in names]

    def _keep(self, name: bytes, image: Seen) -> None:
        with self._lock:
            if name not in self._kept:
                self._bytes += image.rows.nbytes
            self._kept[name] = image
            while self._bytes > KEPT_BYTES:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.rows.nbytes
