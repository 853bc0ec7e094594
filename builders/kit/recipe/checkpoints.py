"""The checkpoints that exports are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from builders.kit.export import Export
from builders.kit.family import Family
from builders.kit.recipe.profile import Profile
from builders.kit.sources import Source, SourceError
from repository.errors import KitError
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of


def find_checkpoints(
    profile: Profile,
    families: Mapping[str, Family],
    bases: Mapping[str, Path],
    exports: Mapping[str, Export],
    resolve: Callable[[str, Path], Source],
    findings: list[Finding],
) -> dict[str, Source]:
    """``family/component`` -> the checkpoint that exports need.

    Args:
        profile: what to build.
        families: by name.
        bases: where the relative paths start that each family declares.
        exports: by ``family/export``.
        resolve: finds a source by its URI, and by where a relative path starts.
        findings: gets what cannot be found, and what is of a form that an export refuses.
    """
    found = _resolve(profile, families, bases, exports, resolve, findings)
    findings += _misshapen(exports, found)
    return found


def _resolve(
    profile: Profile,
    families: Mapping[str, Family],
    bases: Mapping[str, Path],
    exports: Mapping[str, Export],
    resolve: Callable[[str, Path], Source],
    findings: list[Finding],
) -> dict[str, Source]:
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
            asked = export.source in profile.families[name].sources
            found[source_id] = resolve(uri, profile.folder if asked else bases[name])
        except SourceError as error:
            failed.add(source_id)
            findings.append(_refused(source_id, error))
    return found


def _misshapen(exports: Mapping[str, Export], found: Mapping[str, Source]) -> Iterable[Finding]:
    """Checkpoints that an export is known to refuse; each reason once."""
    told: set[tuple[str, str]] = set()
    for export_id, export in sorted(exports.items()):
        source_id = f"{export_id.partition('/')[0]}/{export.source}"
        if export.form is None or source_id not in found:
            continue
        try:
            export.form(found[source_id].path)
        except (KitError, ValueError) as error:
            if (source_id, str(error)) not in told:
                told.add((source_id, str(error)))
                yield _refused(source_id, error)


def _refused(source_id: str, error: Exception) -> Finding:
    """An error's text about a checkpoint, which is a sentence with a remedy already."""
    family, _, component = source_id.partition("/")
    remedy = f"Or set families.{family}.sources.{component} in the profile to another."
    return finding_of("recipe", f"source {source_id}", "", str(error).rstrip("."), remedy)
