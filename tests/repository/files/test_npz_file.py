"""Files of arrays that are damaged, or were made by somebody else."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from repository.files.bounded_file import Unreadable
from repository.files.npz_file import read_arrays, read_npz


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
    assert read_npz(path)["x"].tolist() == read_arrays(path)["x"].tolist() == [0.0] * 8


@pytest.mark.parametrize("kind", FILES)
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(FILES[kind])
    for read in (read_npz, read_arrays):
        with pytest.raises(Unreadable, match=r"x\.npz.*expected a"):
            read(path)


def test_what_unpacks_to_more_than_a_request_takes_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    whole = bytearray(packed("x.npy", array(GOOD)))
    at = whole.index(b"PK\x01\x02") + 24
    whole[at : at + 4] = (0xF0000000).to_bytes(4, "little")
    path.write_bytes(whole)
    with pytest.raises(Unreadable, match="expected at most 2,147,483,648 bytes of arrays"):
        read_npz(path)
