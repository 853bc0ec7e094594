"""A profile made concrete: the families' graphs as it wants them, and where their weights lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from builders.kit.family import Export, Family
from builders.kit.graph import Ensemble, Model, closure
from builders.kit.graph.bls import bls
from builders.kit.graph.layout import clashes
from builders.kit.recipe.checkout import Checkout
from builders.kit.recipe.left_out import LeftOut, needed_exports, optional_exports, reduce
from builders.kit.recipe.overrides import apply
from builders.kit.recipe.precision import chosen
from builders.kit.recipe.profile import Profile, ProfileError
from builders.kit.sources import Source, SourceError, resolve
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of
from repository.release import Release, release


@dataclass(frozen=True)
class Recipe:
    """All that a build is about.

    Attributes:
        profile: what was asked for.
        release: the facts of its Triton release.
        families: by name, in the profile's order, without what is left out.
        left_out: what needs a checkpoint that nobody names.
        models: every model of the repository once: pipelines, what they need, BLS twins.
        owners: model's name -> the families whose pipelines it is part of.
        exports: ``family/export`` -> the export, for those that some model needs, and for those
            that these are made from.
        sources: ``family/component`` -> the checkpoint, for those that some export needs.
    """

    profile: Profile
    release: Release
    families: Mapping[str, Family]
    left_out: tuple[LeftOut, ...]
    models: tuple[Model, ...]
    owners: Mapping[str, tuple[str, ...]]
    exports: Mapping[str, Export]
    sources: Mapping[str, Source]

    def source_of(self, export: str) -> Source:
        """The checkpoint of an export, given as ``family/export``."""
        return self.sources[f"{export.partition('/')[0]}/{self.exports[export].source}"]

    def base_of(self, export: str) -> str | None:
        """The export that one is made from, both as ``family/export``; None if by a checkpoint."""
        of = self.exports[export].of
        return f"{export.partition('/')[0]}/{of}" if of else None

    def exports_of(self, model: Model) -> dict[str, str]:
        """The exports that a model needs: their names -> ``family/export``."""
        found: dict[str, str] = {}
        for name in (*needed_exports(model), *optional_exports(model)):
            for family in self.owners[model.name]:
                if f"{family}/{name}" in self.exports:
                    found.setdefault(name, f"{family}/{name}")
        return found


def make_recipe(profile: Profile, checkout: Checkout | None = None) -> Recipe:
    """Load the families of a profile, lay its settings over them, and find their checkpoints.

    Args:
        profile: what to build.
        checkout: where families lie; this checkout if not given.

    Raises:
        ProfileError: the profile names components, models or options that are not there, or
            checkpoints that cannot be found; a graph names an export that its family has not.
    """
    checkout = checkout or Checkout()
    try:
        declared_families = {name: checkout.load(name) for name in profile.families}
    except ValueError as error:
        raise ProfileError(
            [finding_of("recipe", "families", "what they import", str(error), "Install it.")]
        ) from error
    findings = [
        *_unknown_components(profile, declared_families),
        *_unknown_metrics(profile, declared_families),
    ]
    families: dict[str, Family] = {}
    left_out: list[LeftOut] = []
    for name, declared_family in declared_families.items():
        uris = {**declared_family.sources, **profile.families[name].sources}
        reduced, left = reduce(declared_family, uris)
        families[name] = _bounded(reduced, profile.families[name].bounds)
        left_out += left
    if refused := list(_settings_left_out(profile, families, declared_families, left_out)):
        raise ProfileError([*findings, *refused])
    pipelines: list[Model] = []
    owners: dict[str, tuple[str, ...]] = {}
    for name, family in families.items():
        own = list(family.pipelines)
        if profile.bls:
            own += _twins(family, findings)
        pipelines += own
        for model in closure(own):
            owners[model.name] = (*owners.get(model.name, ()), name)
    models = closure(apply(profile, pipelines))
    models, families = chosen(profile, models, families, owners, findings)
    findings += [found for model in models for found in clashes(model)]
    exports: dict[str, Export] = {}
    for model in models:
        optional = optional_exports(model)
        for need in (*needed_exports(model), *optional):
            declared = {
                f"{family}/{export.name}": export
                for family in owners[model.name]
                for export in families[family].exports
                if export.name == need
            }
            exports |= declared
            exports |= {
                f"{family}/{export.name}": export
                for family in owners[model.name]
                for export in families[family].exports
                if export.name in {each.of for each in declared.values()}
            }
            known = [
                each.name for own in owners[model.name] for each in declared_families[own].exports
            ]
            if not declared and not (need in optional and need in known):
                findings.append(
                    finding_of(
                        "recipe",
                        f"graph, {model.name}.export",
                        f"one of {', '.join(known)}",
                        f"'{need}'",
                        suggest(need, known),
                    )
                )
    found = _resolve(profile, families, exports, findings)
    findings += _misshapen(exports, found)
    if findings:
        raise ProfileError(findings)
    return Recipe(
        profile=profile,
        release=release(profile.triton),
        families=families,
        left_out=tuple(left_out),
        models=models,
        owners=owners,
        exports=dict(sorted(exports.items())),
        sources=found,
    )


def _twins(family: Family, findings: list[Finding]) -> Iterable[Model]:
    for pipeline in family.pipelines:
        if isinstance(pipeline, Ensemble):
            try:
                yield bls(pipeline)
            except ValueError as error:
                remedy = "Set bls: false, or mend the pipeline."
                found = str(error)
                findings.append(
                    finding_of("recipe", pipeline.name, "a pipeline for BLS", found, remedy)
                )


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


def _settings_left_out(
    profile: Profile,
    families: Mapping[str, Family],
    declared: Mapping[str, Family],
    left_out: Iterable[LeftOut],
) -> Iterable[Finding]:
    """Settings of models that are not built, as a component has no source."""
    built = {model.name for each in families.values() for model in closure(each.pipelines)}
    for left in left_out:
        if left.kind != "pipeline":
            continue
        whole = next(each for each in declared[left.family].pipelines if each.name == left.name)
        for model in closure((whole,)):
            if model.name in profile.models and model.name not in built:
                yield finding_of(
                    "recipe",
                    f"profile, models.{model.name}",
                    "settings of models that are built",
                    f"'{model.name}', which is left out with {left}",
                    f"{left.remedy[0].upper()}{left.remedy[1:]}, or remove the settings.",
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


def _bounded(family: Family, bounds: Mapping[str, float]) -> Family:
    """The family with the profile's bounds instead of its own."""
    metrics = tuple(
        replace(metric, bound=bounds.get(metric.name, metric.bound)) for metric in family.metrics
    )
    return replace(family, metrics=metrics)


def _resolve(
    profile: Profile,
    families: Mapping[str, Family],
    exports: Mapping[str, Export],
    findings: list[Finding],
) -> dict[str, Source]:
    """The checkpoints that exports need; what is wrong with them goes to the findings."""
    found: dict[str, Source] = {}
    failed: set[str] = set()
    for export_id, export in sorted(exports.items()):
        name = export_id.partition("/")[0]
        source_id = f"{name}/{export.source}"
        uris = {**families[name].sources, **profile.families[name].sources}
        uri = uris.get(export.source)
        if source_id in found or source_id in failed:
            continue
        if uri is None:
            where = f"family {name}, export {export.name}, source"
            known = list(uris)
            expected = f"one of {', '.join(known)}"
            remedy = suggest(export.source, known)
            findings.append(finding_of("recipe", where, expected, f"'{export.source}'", remedy))
            continue
        try:
            found[source_id] = resolve(uri, offline=not profile.hub)
        except SourceError as error:
            failed.add(source_id)
            findings.append(_refused(source_id, error))
    return found


def _misshapen(exports: Mapping[str, Export], found: Mapping[str, Source]) -> Iterable[Finding]:
    """Checkpoints of which an export can be known to refuse them; each reason once."""
    told: set[tuple[str, str]] = set()
    for export_id, export in sorted(exports.items()):
        source_id = f"{export_id.partition('/')[0]}/{export.source}"
        if export.form is None or source_id not in found:
            continue
        try:
            export.form(found[source_id].path)
        except ValueError as error:
            if (source_id, str(error)) not in told:
                told.add((source_id, str(error)))
                yield _refused(source_id, error)


def _refused(source_id: str, error: ValueError) -> Finding:
    """What an error says of a checkpoint, which is a sentence with a remedy already."""
    family, _, component = source_id.partition("/")
    remedy = f"Or set families.{family}.sources.{component} in the profile to another."
    return finding_of("recipe", f"source {source_id}", "", str(error).rstrip("."), remedy)
