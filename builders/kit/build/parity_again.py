"""One export made anew and compared, to look into a difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from builders.errors import NotDeclared
from builders.kit import sources
from builders.kit.build.parity import ParityResult, compare
from builders.kit.checkout import Checkout
from builders.kit.export import Export
from builders.kit.onnx.variants import variants
from builders.kit.recipe.profile import Profile
from builders.kit.recipe.recipe import make_recipe
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.parts import files_together
from repository.files.yaml_file import suggest
from repository.findings import finding_of


def reproduce(
    family: str,
    export: str,
    *,
    source: str | None = None,
    offline: bool = True,
    checkout: Checkout | None = None,
) -> ParityResult:
    """Make one export of a family anew, outside any cache, and compare it.

    Args:
        family: its name.
        export: the export's name.
        source: the URI of another checkpoint than the family's own.
        offline: as in :func:`builders.kit.sources.resolve`.
        checkout: where families lie; this checkout if not given.

    Raises:
        NotDeclared: no such family or export, and the message lists those there are; or a family
            without a checkpoint of its own, and no ``source``.
        ParityError: as :func:`compare`.
        SourceError: as :func:`builders.kit.sources.resolve`.
    """
    checkout = checkout or Checkout()
    declared = checkout.declared(family)
    if declared is None:
        where, expected = f"the family '{family}'", "a family that has exports without a profile"
        remedy = f"Build the profile's task 'parity {family}/{export}' alone."
        raise NotDeclared(
            [finding_of("family", where, expected, "one whose models a profile declares", remedy)]
        )
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
    base = None if source else checkout.folder(family)
    checkpoint = sources.resolve(uri, offline=offline, base=base).path
    return _compared(family, wanted, lambda export: checkpoint)


def reproduce_of(profile: Profile, family: str, export: str) -> ParityResult:
    """The same of an export as a profile builds it.

    Args:
        profile: says which families and checkpoints.
        family: its name.
        export: the export's name.

    Raises:
        ProfileError: as :func:`builders.kit.recipe.recipe.make_recipe`.
        NotDeclared: the profile builds no such export with a parity.
        ParityError: as :func:`compare`.
    """
    recipe = make_recipe(profile)
    known = [name for name, each in recipe.exports.items() if each.parity is not None]
    subject = f"{family}/{export}"
    if subject not in known:
        expected, remedy = f"one of {', '.join(known)}", suggest(subject, known)
        raise NotDeclared([finding_of("export", "the profile", expected, f"'{subject}'", remedy)])
    source = {
        each.name: recipe.source_of(f"{family}/{each.name}").path
        for each in recipe.exports[subject].lineage
    }
    return _compared(family, recipe.exports[subject], lambda each: source[each.name])


def _compared(family: str, wanted: Export, checkpoint: Callable[[Export], Path]) -> ParityResult:
    with Cache().work() as folder:
        made = _made(wanted, checkpoint, folder)
        if not wanted.parts:
            return compare(wanted, checkpoint(wanted), made, family=family)
        with files_together({each.name: folder / each.name for each in wanted.parts}) as parts:
            return compare(wanted, parts, made, family=family)


def _made(wanted: Export, checkpoint: Callable[[Export], Path], folder: Path) -> Path:
    """The file of an export, after those that it is made from."""
    made = folder / wanted.name
    bases = {each.name: _made(each, checkpoint, folder) for each in wanted.bases}
    if wanted.of:
        wanted.make(bases[wanted.of.name], made)
    elif wanted.parts:
        with files_together(bases) as parts:
            wanted.make(parts, made)
    else:
        wanted.make(checkpoint(wanted), made)
    return made
