"""One export made anew and compared, for whoever looks into a difference."""

from __future__ import annotations

from builders.kit import sources
from builders.kit.build.parity import ParityResult, compare
from builders.kit.checkout import Checkout
from builders.kit.onnx.variants import variants
from builders.kit.tasks.cache import Cache


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
        KeyError: no such family or export; the message lists those there are.
        ParityError: as :func:`compare`.
        SourceError: as :func:`builders.kit.sources.resolve`.
    """
    declared = Checkout().load(family)
    exports = variants(each for each in declared.exports if each.parity is not None)
    if export not in exports:
        raise KeyError(
            f"no export '{export}' with a parity in '{family}'; there are: {', '.join(exports)}"
        )
    wanted = exports[export]
    uri = source or declared.sources[wanted.source]
    if uri is None:
        raise KeyError(f"'{export}' of '{family}' has no checkpoint of its own; give --source")
    checkpoint = sources.resolve(uri, offline=offline).path
    with Cache().work() as folder:
        made = folder / "model.onnx"
        if wanted.of:
            base = folder / "base.onnx"
            exports[wanted.of].make(checkpoint, base)
            wanted.make(base, made)
        else:
            wanted.make(checkpoint, made)
        return compare(wanted, checkpoint, made, family=family)
