"""What a platform team may apply: overlays, bases, and components on overlays, alone and together.

A component that lands in ``kserve/components`` is in every stack here without being named. Where
one does not fit on every overlay, or not beside another, ``kserve/exclusions.yaml`` says so.
"""

from __future__ import annotations

from itertools import combinations

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


def singles() -> list[Stack]:
    """Each component alone, on each overlay that it is for."""
    return [(overlay, (each,)) for each in COMPONENTS for overlay in hosts(each)]


def pairs() -> list[Stack]:
    """Any two components that fit, in both orders, on the first overlay that both are for."""
    found: list[Stack] = []
    for one, other in combinations(COMPONENTS, 2):
        common = [overlay for overlay in hosts(one) if overlay in hosts(other)]
        if common and fits((one, other)):
            found += [(common[0], (one, other)), (common[0], (other, one))]
    return found


def full() -> list[Stack]:
    """On each overlay as many components together as fit, twice: from either end of the list."""
    found: list[Stack] = []
    for overlay in OVERLAYS:
        for order in (COMPONENTS, tuple(reversed(COMPONENTS))):
            chosen: tuple[str, ...] = ()
            for each in order:
                if overlay in hosts(each) and fits((*chosen, each)):
                    chosen = (*chosen, each)
            if chosen and (overlay, chosen) not in found:
                found.append((overlay, chosen))
    return found


def stacks() -> list[Stack]:
    """Components alone, in pairs, and all at once, each rendered."""
    found = [*singles(), *pairs(), *full()]
    rendered(found)
    return found


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
