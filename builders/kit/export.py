"""One file made from a checkpoint, and how it is compared with what it was made from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from repository.arrays import Arrays

Bound: TypeAlias = float | Mapping[str, float]
"""See :attr:`Parity.absolute`."""

Following: TypeAlias = Callable[[Path, Arrays, Arrays], Arrays]
"""See :attr:`Parity.following`."""

Make: TypeAlias = Callable[[Path, Path], Mapping[str, object]]
"""See :attr:`Export.make`."""

Form: TypeAlias = Callable[[Path], object]
"""See :attr:`Export.form`."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How an exported ONNX file is compared with what it was made from.

    Attributes:
        reference: (checkpoint, inputs) -> the outputs that the export should give, by name; None
            with :attr:`following`.
        inputs: makes the examples: the export's own shape first, then at least two shapes that
            the export never saw.
        absolute: the largest absolute difference of real numbers that is allowed; a mapping gives
            it by output, and an output that it leaves out has no such bound. Integers and truth
            values have to be equal.
        relative: likewise, relative to the reference's largest magnitude.
        following: (checkpoint, inputs, the file's outputs) -> the outputs that it should have
            given; used instead of ``reference`` for a file whose choices decide what it computes
            next, and that may choose another of two equally good ones, or that gives numbers of
            no meaning beside the others.
        data: files that the examples are read from; part of the build's cache key.
        given: the examples are a user's own, and their shapes are enough.
        operators: libraries of custom operators that the file needs.
        fixed: dynamic axes that have one right size, as input and place: the examples need not
            vary it.
    """

    reference: Callable[[Path, Arrays], Arrays] | None = None
    inputs: Callable[[], Sequence[Arrays]]
    absolute: Bound
    relative: Bound
    following: Following | None = None
    data: tuple[Path, ...] = ()
    given: bool = False
    operators: tuple[Path, ...] = ()
    fixed: tuple[tuple[str, int], ...] = ()

    @property
    def functions(self) -> Sequence[Callable[..., object]]:
        """What decides the comparison's result, beside the files."""
        asked = self.following or self.reference
        return (self.inputs,) if asked is None else (asked, self.inputs)

    def bounds(self, output: str) -> tuple[float, float]:
        """The absolute and the relative bound of an output; infinite without one."""
        absolute, relative = (
            each.get(output, math.inf) if isinstance(each, Mapping) else each
            for each in (self.absolute, self.relative)
        )
        return absolute, relative

    def expected(self, checkpoint: Path, inputs: Arrays, found: Arrays) -> Arrays:
        """What a file that answered ``found`` should have answered."""
        if self.following is not None:
            return self.following(checkpoint, inputs, found)
        assert self.reference is not None, "a Parity has a reference, or what follows the file"
        return self.reference(checkpoint, inputs)


@dataclass(frozen=True, kw_only=True)
class Int8:
    """What an export must reach with 8-bit weights: see :mod:`builders.kit.onnx.variants`.

    Attributes:
        keep: matrix products whose weights' names begin with one of these stay in fp32.
        absolute: as in :class:`Parity`, of the int8 file.
        relative: likewise.
        following: likewise.
    """

    keep: tuple[str, ...] = ()
    absolute: Bound
    relative: Bound
    following: Following | None = None


@dataclass(frozen=True, kw_only=True)
class Export:
    """One file made from a checkpoint: a model, or by :meth:`file` a plain file.

    A model of the graph refers to the object itself: ``OnnxModel(export=DETECTOR)``.

    Attributes:
        name: its name in the family, in the manifest and in commands; of a file that a stage reads,
            the file's name.
        source: the key in :attr:`builders.kit.family.Family.sources` of the checkpoint that it is
            made from.
        make: (checkpoint, output file) -> facts worth recording in the manifest, as JSON values.
            A pure function of the checkpoint and :attr:`options`.
        options: what else decides the result; part of the build's cache key.
        parity: the comparison with the source; None for a plain file.
        int8: how it may be computed in int8; None if it may not.
        of: the export that it is made from, whose file :attr:`make` gets in the checkpoint's place.
        parts: the exports that are merged into it. In the checkpoint's place, :attr:`make` and the
            comparison get a folder in which each one's file has its name.
        form: looks at a checkpoint before anything is made, within a second, and raises the
            ``ValueError`` of one sentence that :attr:`make` would. A plan and a build tell all of
            these at once. It decides no result, and is no part of the cache key.
    """

    name: str
    source: str
    make: Make
    options: Mapping[str, object] = field(default_factory=dict)
    parity: Parity | None
    int8: Int8 | None = None
    of: Export | None = None
    parts: tuple[Export, ...] = ()
    form: Form | None = None

    @property
    def bases(self) -> tuple[Export, ...]:
        """The exports that it is made from; none if that is a checkpoint."""
        return (self.of,) if self.of else self.parts

    @property
    def lineage(self) -> tuple[Export, ...]:
        """The export, and before it those that it is made from, each once."""
        found: list[Export] = []
        for base in self.bases:
            found += [each for each in base.lineage if each not in found]
        return (*found, self)

    @classmethod
    def file(cls, name: str, source: str, make: Make, form: Form | None = None) -> Export:
        """A plain file for a stage to read, as a vocabulary: there is nothing to compare it with.

        Args:
            name: the file's name in the stage's version folder.
            source: as :attr:`source`.
            make: as :attr:`make`.
            form: as :attr:`form`.
        """
        return cls(name=name, source=source, make=make, parity=None, form=form)
