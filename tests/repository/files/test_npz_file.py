"""Files of arrays that are damaged, or were made by somebody else."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from clients.infer.value import arrays_of
from repository.files.bounded_file import Unreadable
from repository.files.npz_file import read_npz


def packed(name: str, content: bytes, damage: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    whole = bytearray(buffer.getvalue())
    if damage:
        at = 30 + len(name)
        whole[at : at + 4] = b"\xff" * 4
    return bytes(whole)


def array(header: str, values: bytes = bytes(32)) -> bytes:
    text = header.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + values


def alone() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (8,), }"
FILES = {
    "one array alone": alone(),
    "text": packed("x.npy", b"hello"),
    "more than any memory": packed("x.npy", array(GOOD.replace("8", "8" * 13))),
    "a header that is cut off": packed("x.npy", array(GOOD.replace(",), }", ""))),
    "damaged": packed("x.npy", array(GOOD), damage=True),
}


def test_what_the_files_below_are_made_of_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(packed("x.npy", array(GOOD)))
    assert read_npz(path)["x"].tolist() == arrays_of(path)["x"].tolist() == [0.0] * 8


@pytest.mark.parametrize("kind", FILES)
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(FILES[kind])
    for read in (read_npz, arrays_of):
        with pytest.raises(Unreadable, match=r"x\.npz.*expected a"):
            read(path)
