"""What a family of models declares: the one object that its folder exports.

A family is a folder ``builders/<name>/`` whose module ``family.py`` has a :data:`FAMILY`.
:class:`builders.kit.checkout.Checkout` finds it by its name; nothing else is edited to add one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builders.kit.graph import Model
from repository.arrays import Arrays

Bound = float | Mapping[str, float]
"""See :attr:`Parity.absolute`."""

Following = Callable[[Path, Arrays, Arrays], Arrays]
"""See :attr:`Parity.following`."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How an exported ONNX file is compared with what it was made from.

    Attributes:
        reference: (checkpoint, inputs) -> the outputs that the export should give, by name.
        inputs: makes the examples: the export's own shape first, then at least two shapes that
            the export never saw.
        absolute: the largest absolute difference of real numbers that is allowed; a mapping gives
            it by output, and an output that it leaves out has no such bound. Integers and truth
            values have to be equal.
        relative: likewise, relative to the reference's largest magnitude.
        following: (checkpoint, inputs, the file's outputs) -> the outputs that it should have
            given; in the place of ``reference`` for a file whose choices decide what it computes
            next, and which may choose otherwise where two are as good as each other.
    """

    reference: Callable[[Path, Arrays], Arrays]
    inputs: Callable[[], Sequence[Arrays]]
    absolute: Bound
    relative: Bound
    following: Following | None = None

    @property
    def functions(self) -> Sequence[Callable[..., object]]:
        """What decides the comparison's result, besides the files."""
        return (self.following or self.reference, self.inputs)

    def bounds(self, output: str) -> tuple[float, float]:
        """The absolute and the relative bound of an output; infinite where there is none."""
        absolute, relative = (
            each.get(output, math.inf) if isinstance(each, Mapping) else each
            for each in (self.absolute, self.relative)
        )
        return absolute, relative

    def expected(self, checkpoint: Path, inputs: Arrays, found: Arrays) -> Arrays:
        """What a file that answered ``found`` should have answered."""
        if self.following is not None:
            return self.following(checkpoint, inputs, found)
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
    """One file made from a checkpoint.

    Attributes:
        name: what models of the graph call it; for a file that a stage reads, its file name.
        source: the key in :attr:`Family.sources` of the checkpoint that it is made from.
        make: (checkpoint, output file) -> facts worth recording in the manifest, as JSON values.
            A pure function of the checkpoint and :attr:`options`.
        options: what else decides the result; part of the build's cache key.
        parity: the comparison with the source; None only for a file that is not a model.
        int8: how it may be computed in int8; None: it may not.
        of: the export that it is made from, whose file :attr:`make` gets in the checkpoint's place.
        form: looks at a checkpoint before anything is made, within a second, and raises the
            ``ValueError`` of one sentence that :attr:`make` would. A plan and a build tell all of
            these at once. It decides no result, and is no part of the cache key.
    """

    name: str
    source: str
    make: Callable[[Path, Path], Mapping[str, object]]
    options: Mapping[str, object] = field(default_factory=dict)
    parity: Parity | None = None
    int8: Int8 | None = None
    of: str = ""
    form: Callable[[Path], object] | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A task score that a build must reach.

    Attributes:
        name: as "character_error_rate".
        pipeline: the model of the graph that is run.
        bound: the worst value that passes.
        better: "lower" or "higher".
        measure: (run the pipeline on one request's inputs) -> the score.
        data: the files that it reads, and the folders of such; part of the build's cache key.
    """

    name: str
    pipeline: str
    bound: float
    better: str
    measure: Callable[[Callable[[Arrays], Arrays]], float]
    data: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Largest:
    """The largest request to a pipeline that a server is sized for.

    Attributes:
        words: what it is, as "a page of text of 4000x3000 pixels".
        inputs: makes it. A model whose requests come in sequences also gets ``start``, ``end`` and
            ``correlation``.
    """

    words: str
    inputs: Callable[[], Arrays]


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of models.

    Attributes:
        name: its folder's name.
        sources: component -> the source URI used when the profile names none. None: there is no
            checkpoint to fall back on, and what needs one is left out of builds whose profile names
            none.
        pipelines: the ensembles that users call; their composing models are found from them.
        exports: every file made from a checkpoint.
        metrics: the gates.
        largest: by pipeline, the largest request.
    """

    name: str
    sources: Mapping[str, str | None]
    pipelines: tuple[Model, ...]
    exports: tuple[Export, ...]
    metrics: tuple[Metric, ...]
    largest: Mapping[str, Largest] = field(default_factory=dict)
