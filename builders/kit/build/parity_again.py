"""One export made anew and compared, to look into a difference."""

from __future__ import annotations

from builders.errors import NotDeclared
from builders.kit import sources
from builders.kit.build.parity import ParityResult, compare
from builders.kit.checkout import Checkout
from builders.kit.onnx.variants import variants
from builders.kit.tasks.cache import Cache
from repository.findings import finding_of


def reproduce(
    family: str, export: str, *, source: str | None = None, offline: bool = True
) -> ParityResult:
    """Make one export of a family anew, outside any cache, and compare it.

    Args:
        family: its name.
        export: the export's name.
        source: the URI of another checkpoint than the family's own.
        offline: as in :func:`builders.kit.sources.resolve`.

    Raises:
        NotDeclared: no such family or export, and the message lists those there are; or a family
            without a checkpoint of its own, and no ``source``.
        ParityError: as :func:`compare`.
        SourceError: as :func:`builders.kit.sources.resolve`.
    """
    declared = Checkout().declared(family)
    if declared is None:
        where, expected = f"the family '{family}'", "a family that has exports without a profile"
        remedy = f"Build the profile's task 'parity {family}/{export}' alone."
        raise NotDeclared([finding_of("family", where, expected, "none of it", remedy)])
    exports = variants(each for each in declared.exports if each.parity is not None)
    if export not in exports:
        where, expected = f"the family '{family}'", f"an export with a parity: {', '.join(exports)}"
        remedy = "Name one of those."
        raise NotDeclared([finding_of("export", where, expected, f"'{export}'", remedy)])
    wanted = exports[export]
    uri = source or declared.sources[wanted.source]
    if uri is None:
        where, expected = f"the export '{export}' of '{family}'", "a checkpoint"
        remedy, given = "Give the URI of one.", ("source",)
        raise NotDeclared([finding_of("source", where, expected, "none of its own", remedy, given)])
    checkpoint = sources.resolve(uri, offline=offline).path
    with Cache().work() as folder:
        made = folder / "model.onnx"
        if wanted.of:
            base = folder / "base.onnx"
            wanted.of.make(checkpoint, base)
            wanted.make(base, made)
        else:
            wanted.make(checkpoint, made)
        return compare(wanted, checkpoint, made, family=family)
