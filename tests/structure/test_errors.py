"""The project's errors are one tree, drawn where its root is."""

from __future__ import annotations

from tests.structure import errors
from tests.structure.rooms import ROOT


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn = (ROOT / errors.FILE).read_text("utf-8")
    assert drawn == errors.written(), "draw it anew: python -m tests.structure"


def test_every_error_is_in_it_that_can_import_its_root() -> None:
    known = errors.errors()
    strays = [name for name, each in known.items() if not each.apart]
    assert [name for name in strays if not errors.is_ours(name, known)] == []


def test_what_cannot_import_its_root_does_not() -> None:
    known = errors.errors()
    assert [
        name for name, each in known.items() if each.apart and errors.is_ours(name, known)
    ] == []


def test_each_name_means_one_error() -> None:
    names = [each.name for each in errors.errors().values() if not each.apart]
    assert sorted({name for name in names if names.count(name) > 1}) == []
