"""The structure is drawn as it is, and stays easy to find one's way in."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from builders.kit.graph import Ensemble
from builders.ocr.family import FAMILY
from tests.structure import rooms, walks
from tests.structure.__main__ import written

MOST_MODULES = 14
"""Side by side in a room: about a dozen."""


DRAWN = ["CONTRIBUTING.md", "docs/structure.md", "docs/structure.svg"]
DRAWN += [f"docs/walk-{name}.svg" for name in walks.WALKS]


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_drawn_as_it_is(name: str) -> None:
    drawn = (rooms.ROOT / name).read_text("utf-8")
    assert drawn == written()[name], "write it anew: python -m tests.structure"


@pytest.mark.parametrize("name", walks.WALKS)
def test_a_walk_leads_through_code_that_is_there(name: str) -> None:
    stops = walks.WALKS[name]()
    for stop in stops:
        module, _, attribute = stop.place.partition(":")
        if stop.is_code:
            found = importlib.util.find_spec(module)
            assert found is not None and found.origin is not None, stop.place
            body = ast.parse(Path(found.origin).read_bytes()).body
            assert attribute in {getattr(each, "name", "") for each in body}, stop.place
        else:
            assert (rooms.ROOT / stop.place).is_file(), stop.place


def test_the_walk_of_a_page_is_that_of_the_pipeline() -> None:
    """Each model of ``ocr`` once, in the order in which the ensemble calls them."""
    (pipeline,) = FAMILY.pipelines
    assert isinstance(pipeline, Ensemble)
    called = dict.fromkeys(step.model.name for step in pipeline.steps)
    titles = [stop.title.partition(":")[0] for stop in walks.page_walk()]
    assert [each for each in titles if each in called] == list(called)


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
