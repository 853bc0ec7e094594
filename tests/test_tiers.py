"""What the marks of the tiers leave out of `make test`, and that no folder is passed over."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.mark.sampled(2)
@pytest.mark.parametrize("case", range(5))
def test_a_sample_of_two_is_the_first_and_the_middle(
    case: int, request: pytest.FixtureRequest
) -> None:
    left_out = request.node.get_closest_marker("thorough") is not None
    # What is asked for alone, by its name, is not left out.
    alike = [each for each in request.session.items if each.path == request.node.path]
    assert left_out is (case not in (0, 2)) or len(alike) < 3


def test_pytest_looks_into_every_folder(pytestconfig: pytest.Config) -> None:
    passed_over = pytestconfig.getini("norecursedirs")
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    assert len(folders) > 20
    assert [
        each
        for each in sorted(folders)
        for part in each.parts
        if any(fnmatch(part, pattern) for pattern in passed_over)
    ] == []
