"""The families of a profile, as it wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from builders.errors import FamilyError
from builders.kit.checkout import Checkout
from builders.kit.family import ConfiguredFamily, Family
from builders.kit.graph import closure
from builders.kit.recipe.configured import configure
from builders.kit.recipe.left_out import LeftOut, reduce
from builders.kit.recipe.profile import Profile, ProfileError
from builders.kit.recipe.references import wrong_references
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of
from repository.layout import pipeline_of


@dataclass(frozen=True)
class Families:
    """The families of a profile, each by its name, in the profile's order.

    Attributes:
        declared: as they declare themselves.
        built: with the profile's bounds, and without what is left out.
        left_out: what needs a checkpoint that nobody names.
        bases: where the relative paths start that each declares.
    """

    declared: Mapping[str, Family]
    built: Mapping[str, Family]
    left_out: tuple[LeftOut, ...]
    bases: Mapping[str, Path]


def choose_families(
    profile: Profile,
    checkout: Checkout,
    checkpoint: Callable[[str], Path],
    findings: list[Finding],
) -> Families:
    """Load a profile's families, and apply what the profile says about them.

    Args:
        profile: what to build.
        checkout: where families lie.
        checkpoint: as in :class:`~builders.kit.family.Conditions`.
        findings: gets components and metrics that no family has.

    Raises:
        ProfileError: a family cannot be loaded, or made as it is asked for, or refers to its
            exports wrongly, or the profile has settings of a model that is left out; no more can be
            said then.
    """
    loaded: dict[str, Family | ConfiguredFamily] = {}
    refusals: list[FamilyError] = []
    for name in profile.families:
        try:
            loaded[name] = checkout.load(name)
        except FamilyError as error:
            refusals.append(error)
    if refusals:
        told = [finding for each in refusals for finding in each.findings]
        raise ProfileError(told) from refusals[0]
    declared = configure(profile, loaded, checkpoint, findings)
    findings += _unknown_components(profile, declared)
    findings += _unknown_metrics(profile, declared)
    findings += _wrong_metrics(declared)
    refused = list(wrong_references(declared.values()))
    if refused or declared.keys() != loaded.keys():
        raise ProfileError([*findings, *refused])
    built: dict[str, Family] = {}
    left_out: list[LeftOut] = []
    for name, family in declared.items():
        options = profile.families[name]
        reduced, left = reduce(family, {**family.sources, **options.sources})
        built[name] = _bounded(reduced, options.bounds)
        left_out += left
    bases = {
        # What a configured family declares stands in the profile.
        name: checkout.folder(name) if isinstance(each, Family) else profile.folder
        for name, each in loaded.items()
    }
    families = Families(declared, built, tuple(left_out), bases)
    if refused := list(_settings_left_out(profile, families)):
        raise ProfileError([*findings, *refused])
    return families


def _unknown_components(profile: Profile, families: Mapping[str, Family]) -> Iterable[Finding]:
    for name, family in families.items():
        for component in profile.families[name].sources:
            if component not in family.sources:
                yield finding_of(
                    "recipe",
                    f"profile, families.{name}.sources",
                    f"one of {', '.join(family.sources)}",
                    f"'{component}'",
                    suggest(component, family.sources),
                )


def _unknown_metrics(profile: Profile, families: Mapping[str, Family]) -> Iterable[Finding]:
    for name, family in families.items():
        known = [metric.name for metric in family.metrics]
        for metric in profile.families[name].bounds:
            if metric not in known:
                yield finding_of(
                    "recipe",
                    f"profile, families.{name}.bounds",
                    f"one of {', '.join(known)}",
                    f"'{metric}'",
                    suggest(metric, known),
                )


def _wrong_metrics(families: Mapping[str, Family]) -> Iterable[Finding]:
    """Metrics of a pipeline that is not there, or of which no value would be the better one."""
    for name, family in families.items():
        models = {model.name for model in closure(family.pipelines)}
        known = [pipeline.name for pipeline in family.pipelines]
        for metric in family.metrics:
            where = f"family {name}, metric {metric.name}"
            for named in metric.pipelines:
                if pipeline_of(named) in models:
                    continue
                key = "pipeline" if named == metric.pipeline else "beside"
                expected, remedy = f"one of {', '.join(known)}", suggest(named, known)
                yield finding_of("recipe", f"{where}, {key}", expected, f"'{named}'", remedy)
            if metric.better not in ("lower", "higher"):
                expected, found = "lower or higher", f"'{metric.better}'"
                yield finding_of("recipe", f"{where}, better", expected, found, "Write one.")


def _bounded(family: Family, bounds: Mapping[str, float]) -> Family:
    """The family with the profile's bounds instead of its own."""
    metrics = tuple(
        replace(metric, bound=bounds.get(metric.name, metric.bound)) for metric in family.metrics
    )
    return replace(family, metrics=metrics)


def _settings_left_out(profile: Profile, families: Families) -> Iterable[Finding]:
    """Settings of models that are not built, as a component has no source."""
    built = {model.name for each in families.built.values() for model in closure(each.pipelines)}
    for left in families.left_out:
        if left.kind != "pipeline":
            continue
        pipelines = families.declared[left.family].pipelines
        whole = next(each for each in pipelines if each.name == left.name)
        for model in closure((whole,)):
            if model.name in profile.models and model.name not in built:
                yield finding_of(
                    "recipe",
                    f"profile, models.{model.name}",
                    "settings of models that are built",
                    f"'{model.name}', which is left out with {left}",
                    f"{left.remedy[0].upper()}{left.remedy[1:]}, or remove the settings.",
                )
