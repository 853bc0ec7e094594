"""What a family of models declares: the one object that its folder exports.

A family is a folder whose module ``family.py`` has a :data:`FAMILY`: a :class:`Family`, or a
:class:`ConfiguredFamily`, which the profile makes one of. :class:`builders.kit.checkout.Checkout`
finds it, among the kit's own in ``builders/`` or elsewhere; nothing else is edited to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from builders.kit.export import Export, Int8, Parity
from builders.kit.graph import Model, closure
from builders.kit.graph.exports import needed_exports, optional_exports
from builders.kit.graph.tuples import check_tuples
from repository.errors import KitError
from repository.release import Release

__all__ = [
    "Checkpoint",
    "Conditions",
    "ConfiguredFamily",
    "Export",
    "Family",
    "Int8",
    "Metric",
    "Parity",
]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A task score that a build must reach.

    Attributes:
        name: as "character_error_rate".
        pipeline: the model of the graph that is run.
        bound: the worst value that passes.
        better: "lower" or "higher".
        measure: (run the pipeline on one request's inputs) -> the score. It also gets what runs
            each model of :attr:`beside`, in their order.
        data: the files that it reads, and the folders of such; part of the build's cache key.
        beside: further models of the graph that it runs.
    """

    name: str
    pipeline: str
    bound: float
    better: str
    measure: Callable[..., float]
    data: tuple[Path, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The names of all that it runs."""
        return (self.pipeline, *self.beside)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A kind of checkpoint that a family takes.

    Attributes:
        component: the key that takes it: of :attr:`Family.sources`, or of
            :attr:`ConfiguredFamily.options`.
        words: what it is, as "Whisper (WhisperForConditionalGeneration)".
        is_one: whether a folder is of this kind. It looks at small files alone, and raises as
            :func:`builders.kit.sources.error.read_settings`.
    """

    component: str
    words: str
    is_one: Callable[[Path], bool]


def _says_nothing(folder: Path) -> str | None:
    """Of families that know no checkpoints but those that they take."""
    return None


def has_form(export: Export, folder: Path) -> bool:
    """Whether an export accepts the form of a checkpoint; for :attr:`Checkpoint.is_one`."""
    assert export.form is not None, f"{export.name} looks at no form"
    try:
        export.form(folder)
    except (KitError, ValueError, OSError):
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of models.

    How its pipelines are asked, measured and sized stands beside it, in ``usage.py``:
    :mod:`repository.usage`.

    Attributes:
        name: its folder's name.
        sources: component -> the source URI used when the profile names none. None: there is no
            checkpoint to fall back on, and what needs one is left out of builds whose profile names
            none.
        pipelines: the ensembles that users call; their composing models, and what these are made
            from, are found from them.
        metrics: the scores that a build must reach.
        checkpoints: the kinds of folders that its components take.
        refusal: (a folder that is of none of those kinds) -> what is in its way, as "has Pixtral's
            tower"; None where the family does not know it. It looks at small files alone.
    """

    name: str
    sources: Mapping[str, str | None]
    pipelines: tuple[Model, ...]
    metrics: tuple[Metric, ...]
    checkpoints: tuple[Checkpoint, ...] = ()
    refusal: Callable[[Path], str | None] = _says_nothing

    def __post_init__(self) -> None:
        check_tuples(self)

    @property
    def exports(self) -> tuple[Export, ...]:
        """Every file that its models hold, or that such a file is made from; each once."""
        found: dict[str, Export] = {}
        for model in closure(self.pipelines):
            for export in (*needed_exports(model), *optional_exports(model)):
                found |= {each.name: each for each in export.lineage}
        return tuple(found.values())


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a configured family is made under, besides its own options.

    Attributes:
        release: the facts of the Triton release that will serve it.
        device: where its ONNX models will run, "cpu" or "gpu".
        checkpoint: a source URI -> the file or folder, as in :func:`builders.kit.sources.resolve`,
            which says what it raises.
        place: keys below the family's own -> where they stand in the profile, for a finding.
        folder: where relative paths of the profile start.
    """

    release: Release
    device: str
    checkpoint: Callable[[str], Path]
    place: Callable[..., str]
    folder: Path = field(default_factory=Path.cwd)


@dataclass(frozen=True, kw_only=True)
class ConfiguredFamily:
    """A family whose models the profile declares, by options of the family's own.

    Attributes:
        name: its folder's name.
        options: what may stand below ``families.<name>`` in a profile, besides the keys of every
            family. Mistakes are told with the profile's lines.
        make: (options, conditions) -> the family. It raises a ``KitError`` with all that is wrong.
        checkpoints: the kinds of folders that its options name.
        refusal: as :attr:`Family.refusal`.
    """

    name: str
    options: type[BaseModel]
    make: Callable[[Any, Conditions], Family]
    checkpoints: tuple[Checkpoint, ...] = ()
    refusal: Callable[[Path], str | None] = _says_nothing
