"""Growth is what lasts: a leak is found, a busy minute is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.soak.growth import ALLOWED, LEAST, growth
from tests.soak.process import MIB, Figures


def figures(**changed: int) -> Figures:
    level = {
        "server_memory": 200 * MIB,
        "descriptors": 100,
        "zombies": 0,
        "stubs": 24,
        "stub_memory": 3000 * MIB,
        "regions": 24,
        "shared_memory": 100 * MIB,
        "left_regions": 0,
        "left_memory": 0,
    }
    return Figures(**level | changed)


@given(st.permutations(range(60)), st.integers(LEAST, 300))
def test_a_level_that_wavers_is_no_growth(noise: list[int], count: int) -> None:
    seen = [figures(server_memory=(190 + noise[n % 60] % 20) * MIB) for n in range(count)]
    assert growth(seen, 0) == []


def test_one_busy_sample_at_the_end_is_no_growth() -> None:
    assert growth([figures()] * 59 + [figures(server_memory=4000 * MIB, descriptors=900)], 0) == []


def test_what_warms_up_at_the_start_is_no_growth() -> None:
    cold = [figures(server_memory=37 * MIB, shared_memory=2 * MIB, stub_memory=0)] * 12
    assert growth(cold + [figures()] * 48, 0) == []


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("server memory", lambda n: figures(server_memory=(147 + 4 * n) * MIB)),
        ("descriptors", lambda n: figures(descriptors=98 + 2 * n)),
        ("zombies", lambda n: figures(zombies=n // 4)),
        ("stubs", lambda n: figures(stubs=24 + n // 4)),
        ("stub memory", lambda n: figures(stub_memory=(2300 + 30 * n) * MIB)),
        ("regions", lambda n: figures(regions=24 + n // 4)),
        ("shared memory", lambda n: figures(shared_memory=(69 + 2 * n) * MIB)),
        ("left regions", lambda n: figures(left_regions=n // 4)),
        ("left memory", lambda n: figures(left_memory=2 * n * MIB)),
    ],
)
def test_what_grows_for_an_hour_is_told_with_its_figures(
    name: str, figure: Callable[[int], Figures]
) -> None:
    (sentence,) = growth([figure(number) for number in range(60)], 0)
    assert sentence.startswith(f"{name} grew from ") and "at most " in sentence


def test_each_killed_stub_may_leave_its_model_and_no_more() -> None:
    def left(count: int) -> list[str]:
        after = figures(zombies=count, left_regions=count, left_memory=count * 16 * MIB)
        return growth([figures()] * 30 + [after] * 30, killed=15)

    assert left(60) == []
    assert [each.split(" grew")[0] for each in left(80)] == [
        "zombies",
        "left regions",
        "left memory",
    ]


def test_every_figure_has_its_allowance() -> None:
    assert ALLOWED.keys() == vars(figures()).keys()


def test_few_samples_say_nothing() -> None:
    with pytest.raises(ValueError, match="9 samples; expected at least 10"):
        growth([figures()] * 9, 0)
