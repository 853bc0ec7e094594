"""Rules over manifests: each a small function, registered once with the source it was read in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.kserve.cluster.webhooks.bundle import Bundle, Object

Check = Callable[[Object, Bundle], Iterator[str]]
Compare = Callable[[Object, Object], Iterator[str]]


@dataclass(frozen=True)
class Rule:
    """What is refused of one kind of object.

    Attributes:
        name: of the rule, as tests name it.
        kinds: the kinds that it looks at.
        source: where upstream says so: project, version, file and function, or page.
        check: yields a sentence for each breach, given an object and all those beside it.
    """

    name: str
    kinds: tuple[str, ...]
    source: str
    check: Check


@dataclass(frozen=True)
class UpdateRule:
    """What is refused of the change of an object: ``compare(old, new)`` yields the breaches."""

    name: str
    kinds: tuple[str, ...]
    source: str
    compare: Compare


RULES: dict[str, Rule] = {}
UPDATE_RULES: dict[str, UpdateRule] = {}

KSERVE = "kserve v0.20.0"
ISV = f"{KSERVE} pkg/apis/serving/v1beta1/inference_service_validation.go"


def rule(name: str, *kinds: str, source: str) -> Callable[[Check], Check]:
    """Register a rule.

    Raises:
        ValueError: the name is taken.
    """

    def register(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"two rules are called {name}")
        RULES[name] = Rule(name, kinds, source, check)
        return check

    return register


def update_rule(name: str, *kinds: str, source: str) -> Callable[[Compare], Compare]:
    """Register a rule for updates.

    Raises:
        ValueError: the name is taken.
    """

    def register(compare: Compare) -> Compare:
        if name in UPDATE_RULES:
            raise ValueError(f"two rules are called {name}")
        UPDATE_RULES[name] = UpdateRule(name, kinds, source, compare)
        return compare

    return register


def breaches(objects: Iterable[Object]) -> dict[str, list[str]]:
    """The rules that a bundle's objects break -> a sentence for each breach."""
    bundle = Bundle(objects)
    found: dict[str, list[str]] = {}
    for each in RULES.values():
        for manifest in bundle.objects:
            if not each.kinds or manifest["kind"] in each.kinds:
                for sentence in each.check(manifest, bundle):
                    where = f"{manifest['kind']}/{manifest['metadata']['name']}"
                    found.setdefault(each.name, []).append(f"{where}: {sentence} ({each.source})")
    return found


def update_breaches(old: Object, new: Object) -> dict[str, list[str]]:
    """The rules that an object's update breaks -> a sentence for each breach."""
    found = {
        each.name: list(each.compare(old, new))
        for each in UPDATE_RULES.values()
        if new["kind"] in each.kinds
    }
    return {name: sentences for name, sentences in found.items() if sentences}
