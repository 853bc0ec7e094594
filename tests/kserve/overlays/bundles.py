"""What a platform team may apply: overlays, bases, and components on overlays, alone and together.

A component that lands in ``kserve/components`` is in every stack here without being named. Where
one does not fit on every overlay, or not beside another, ``kserve/exclusions.yaml`` says so.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.kserve.render import KSERVE, Object, folders, rendered, shipped

OVERLAYS = tuple(folders("overlays"))
BASES = tuple(folders("base"))
COMPONENTS = tuple(each.removeprefix("components/") for each in folders("components"))

EXCLUSIONS = yaml.safe_load((KSERVE / "exclusions.yaml").read_text(encoding="utf-8"))
"""The one table of what excludes what."""

HOSTS: dict[str, tuple[str, ...]] = {
    name: tuple(f"overlays/{each}" for each in only["overlays"])
    for name, only in EXCLUSIONS["only"].items()
}
"""Component -> the overlays that it is for, where that is not every one."""

KNATIVE = ("overlays/knative",)
STANDARD = tuple(each for each in OVERLAYS if each not in KNATIVE)
GPU = ("overlays/gpu",)

NEEDS: dict[str, str] = {name: each["component"] for name, each in EXCLUSIONS["needs"].items()}
"""Component -> the one that it does nothing without."""

EXCLUSIVE: dict[frozenset[str], str] = {
    frozenset(each["together"]): each["why"] for each in EXCLUSIONS["never"]
}
"""Two parts that cannot be together -> why."""

Stack = tuple[str, tuple[str, ...]]


def hosts(component: str) -> tuple[str, ...]:
    """The overlays that a component is for."""
    return HOSTS.get(component, OVERLAYS)


def fits(components: tuple[str, ...]) -> bool:
    """Whether components may be together."""
    return not any(frozenset(pair) in EXCLUSIVE for pair in combinations(components, 2))


def complete(*components: str) -> tuple[str, ...]:
    """Components, and after them what they need."""
    needed = [NEEDS[each] for each in components if each in NEEDS]
    return tuple(dict.fromkeys([*components, *needed]))


def singles() -> list[Stack]:
    """Each component alone, or with what it needs, on each overlay that it is for."""
    return [(overlay, complete(each)) for each in COMPONENTS for overlay in hosts(each)]


def pairs() -> list[Stack]:
    """Any two components that fit, and what they need, forwards and backwards.

    Each on the first overlay that both are for.
    """
    found: list[Stack] = []
    for one, other in combinations(COMPONENTS, 2):
        common = [overlay for overlay in hosts(one) if overlay in hosts(other)]
        both = complete(one, other)
        if common and fits(both):
            found += [(common[0], both), (common[0], both[::-1])]
    return found


def full() -> list[Stack]:
    """On each overlay as many components together as fit, so often that any two are together."""
    found: list[Stack] = []
    for overlay in OVERLAYS:
        names = [each for each in COMPONENTS if overlay in hosts(each)]
        together: set[frozenset[str]] = set()
        for pair in filter(fits, combinations(names, 2)):
            if frozenset(pair) in together:
                continue
            chosen: tuple[str, ...] = pair
            for each in names:
                if each not in chosen and fits((*chosen, each)):
                    chosen = (*chosen, each)
            together |= {frozenset(two) for two in combinations(chosen, 2)}
            found.append((overlay, tuple(each for each in names if each in chosen)))
    return found


def few() -> list[Stack]:
    """Some of the full stacks: each overlay and each component is in one at least."""
    there = full()
    left = {part for overlay, components in there for part in (overlay, *components)}

    def gain(stack: Stack) -> int:
        return len(left & {stack[0], *stack[1]})

    found: list[Stack] = []
    while left:
        found.append(max(there, key=gain))
        left -= {found[-1][0], *found[-1][1]}
    return found


def stacks() -> list[Stack]:
    """Components alone, and as many as fit, each rendered."""
    found = [*singles(), *full()]
    rendered(found)
    return found


def rendered_pairs() -> list[Stack]:
    """Components in pairs alone, each rendered."""
    found = pairs()
    rendered(found)
    return found


WIDTHS = (
    pytest.param(stacks, id="alone and together"),
    pytest.param(rendered_pairs, id="in pairs", marks=pytest.mark.slow),
)
"""What tests over components look at: any two are together by default, and alone in pairs too."""


def stacks_by_width() -> list[Any]:
    """The full stacks as parameters: a few by default, all of them among the slow tests."""
    default = few()
    return [
        pytest.param(
            each, id=f"{each[0][9:]}-{at}", marks=() if each in default else pytest.mark.slow
        )
        for at, each in enumerate(full())
    ]


def base(folder: str) -> list[Object]:
    """A base's objects with the runtimes that its services name."""
    own = shipped(folder)
    models = [
        each["spec"]["predictor"].get("model") or {}
        for each in own
        if each["kind"] == "InferenceService"
    ]
    names = {str(each["runtime"]) for each in models if "runtime" in each}
    return shipped(folder, *(f"base/runtimes/{name}" for name in sorted(names)))
