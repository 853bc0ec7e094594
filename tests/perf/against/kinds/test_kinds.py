"""The page kinds: complete, small, and made by what is checked in beside them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from perf.against.kinds import PAGES, UNKNOWN_SCRIPTS, kinds
from perf.against.kinds.groff import MANUSCRIPTS
from perf.against.kinds.make import DAMAGED, seed
from perf.against.kinds.sheets import SHEETS
from perf.against.kinds.texts import Writer
from perf.errors import PerfError


def test_there_are_as_many_kinds_as_wanted_and_they_are_small() -> None:
    listed = kinds()
    assert len(listed) >= 120
    assert len({kind.name for kind in listed}) == len(listed)
    assert sum(path.stat().st_size for path in PAGES.iterdir()) <= 8_000_000
    assert {kind.path for kind in listed} == {p for p in PAGES.iterdir() if p.suffix != ".json"}


def test_every_page_has_its_text_and_is_an_image() -> None:
    for kind in kinds():
        assert kind.lines and all(line.strip() for line in kind.lines), kind.name
        with Image.open(kind.path) as image:
            assert np.ptp(np.asarray(image.convert("L"))) > 10, kind.name


def test_the_truth_is_what_the_script_writes() -> None:
    """Its sentences, that is: the pixels depend on a browser and its fonts."""
    for kind in kinds():
        name = DAMAGED[kind.name].sheet if kind.name in DAMAGED else kind.name
        writer = Writer(seed(kind.name))
        page = MANUSCRIPTS[name](writer) if name in MANUSCRIPTS else SHEETS[name](writer)
        assert kind.lines == page.lines, kind.name
        assert kind.typeset == (kind.name not in DAMAGED)
    assert len(kinds()) == len(SHEETS) + len(MANUSCRIPTS) + len(DAMAGED)
    assert set(UNKNOWN_SCRIPTS) <= {kind.name for kind in kinds()}


def test_kinds_are_chosen_by_name() -> None:
    assert [kind.name for kind in kinds(["invoice"])] == ["invoice"]
    with pytest.raises(PerfError, match="nowhere"):
        kinds(["invoice", "nowhere"])
