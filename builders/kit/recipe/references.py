"""How a family's models refer to its exports: mistakes of its author."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from builders.kit.export import Export
from builders.kit.family import Family
from builders.kit.graph import Model, OnnxModel, PlanModel, closure
from builders.kit.graph.exports import needed_exports, optional_exports
from repository.findings import Finding, finding_of


def wrong_references(families: Iterable[Family]) -> Iterator[Finding]:
    """Findings about what stands where a model's exports should, and exports of one name."""
    for family in families:
        named: dict[str, list[Export]] = {}
        for model in closure(family.pipelines):
            where = f"family {family.name}, model {model.name}"
            for referred in (*needed_exports(model), *optional_exports(model)):
                if isinstance(referred, Export):
                    for export in referred.lineage:
                        named.setdefault(export.name, []).append(export)
                    yield from _uncompared(where, model, referred)
                else:
                    yield _no_export(where, model, referred)
        for name, exports in named.items():
            if any(each != exports[0] for each in exports):
                found = "two that differ"
                remedy = "Rename one, or let both models share one declaration."
                where = f"family {family.name}, export {name}"
                yield finding_of("export", where, "one export of a name", found, remedy)


def _no_export(where: str, model: Model, found: object) -> Finding:
    """A name, say, which would not tell where the export is declared."""
    if isinstance(model, OnnxModel | PlanModel):
        remedy = "Write export=DETECTOR, where DETECTOR = Export(name=..., ...)."
    else:
        remedy = "Write exports=(WORDS,), where WORDS = Export.file(...)."
    return finding_of("export", where, "the Export itself", repr(found), remedy)


def _uncompared(where: str, model: Model, export: Export) -> Iterator[Finding]:
    if isinstance(model, OnnxModel | PlanModel) and export.parity is None:
        yield finding_of(
            "export",
            where,
            "an export with a parity, as no model is served that was not compared with its source",
            f"'{export.name}', which has none",
            "Declare Export(parity=Parity(...)).",
        )
