"""The structure is drawn as it is, and stays easy to find one's way in."""

from __future__ import annotations

import pytest

from tests.structure import rooms
from tests.structure.__main__ import written

MOST_MODULES = 14
"""Side by side in a room: about a dozen."""


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/structure.md", "docs/structure.svg"])
def test_it_is_drawn_as_it_is(name: str) -> None:
    drawn = (rooms.ROOT / name).read_text("utf-8")
    assert drawn == written()[name], "write it anew: python -m tests.structure"


def test_no_room_is_too_full() -> None:
    house = next(rooms.storeys())
    packages = ["tests", *(room.name for floor in house.floors for room in floor)]
    full = {
        str(folder.relative_to(rooms.ROOT)): count
        for package in packages
        for folder in [rooms.ROOT / package, *(rooms.ROOT / package).rglob("*")]
        if folder.is_dir()
        and (count := sum(path.name != "__init__.py" for path in folder.glob("*.py")))
        > MOST_MODULES
    }
    assert not full, "sort these into rooms of their own"


def test_every_room_says_what_it_is() -> None:
    for storey in rooms.storeys():
        for floor in storey.floors:
            for room in floor:
                assert 10 < len(room.says) < 120, f"{room.name}: one line of docstring"


def test_no_import_is_excepted() -> None:
    for contract in rooms.contracts():
        assert not {"ignore_imports", "unmatched_ignore_imports_alerting"} & contract.keys()
