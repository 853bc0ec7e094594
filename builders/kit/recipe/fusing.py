"""Pipelines whose neighbouring steps are fused, as a profile's key ``fuse`` asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from builders.kit.export import Export
from builders.kit.graph import Ensemble, Flow, Model, OnnxModel, calls_of, closure
from builders.kit.graph.fusing.arithmetic import move
from builders.kit.graph.fusing.fused import Run, fused_onnx, fused_stage
from builders.kit.graph.fusing.neighbours import Neighbours, find_runs
from builders.kit.onnx.merging.merged import Joined, merged
from repository.layout import FUSED_SUFFIX


@dataclass(frozen=True)
class Fused:
    """Neighbouring models that became one.

    Attributes:
        pipeline: whose steps they are.
        model: the one.
        parts: the models, in running order.
    """

    pipeline: str
    model: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Apart:
    """Neighbours that did not, or models that had become one.

    Attributes:
        pipeline: whose steps they are.
        first: the models before.
        second: the models after.
        why: the reason, as a clause.
    """

    pipeline: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Fusing:
    """What a build fuses.

    Attributes:
        fused: the models that are made of several.
        apart: neighbours of one kind that stay apart.
    """

    fused: tuple[Fused, ...] = ()
    apart: tuple[Apart, ...] = ()


@dataclass
class Fuser:
    """Fuses pipelines one after the other; equal runs become one model.

    Attributes:
        callers: model that a stage calls -> that stage's model.
        taken: the names of the build's models.
        made: the fused models by their names, each with the run that it is made of.
        fused: what was fused so far.
        apart: what was not.
    """

    callers: Mapping[str, str]
    taken: frozenset[str]
    made: dict[str, tuple[Run, Model]] = field(default_factory=dict)
    fused: list[Fused] = field(default_factory=list)
    apart: list[Apart] = field(default_factory=list)

    @classmethod
    def among(cls, models: Sequence[Model]) -> Fuser:
        """For pipelines among models, with all that these need."""
        every = closure(models)
        callers = {called: model.name for model in every for called in calls_of(model)}
        return cls(callers, frozenset(model.name for model in every))

    def fuse(self, pipeline: Ensemble) -> Ensemble | None:
        """A pipeline with its neighbouring steps fused; None if there are none to fuse.

        Raises:
            ValueError: its steps cannot be ordered.
        """
        runs, apart = self._runs(pipeline)
        self.apart += [Apart(pipeline.name, each.first, each.second, each.why) for each in apart]
        if all(len(run.steps) == 1 for run in runs):
            return None
        steps = [
            self._one(pipeline.name, run).step() if len(run.steps) > 1 else run.steps[0]
            for run in runs
        ]
        return replace(pipeline, steps=Flow(tuple(steps)))

    def _runs(self, pipeline: Ensemble) -> tuple[tuple[Run, ...], tuple[Neighbours, ...]]:
        """What can be one, with the stages' arithmetic in the ONNX models where it can be merged
        with these."""
        stages = frozenset(model.name for model in pipeline.composing())
        told: list[Neighbours] = []
        while True:
            runs, apart = find_runs(pipeline, self.callers)
            moved = move(pipeline, stages)
            if moved is None:
                return runs, (*told, *apart)
            stages -= {moved.stage}
            tried, refused = find_runs(moved.pipeline, self.callers)
            if any(moved.model in _names(run) and len(run.steps) > 1 for run in tried):
                pipeline = moved.pipeline
                continue
            reasons = [each.why for each in refused if moved.model in (*each.first, *each.second)]
            why = next(iter(reasons), "nothing to merge it with")
            told.append(Neighbours((f"the arithmetic of {moved.stage}",), (moved.reader,), why))

    @property
    def done(self) -> Fusing:
        """What was fused, and what was not."""
        return Fusing(tuple(self.fused), tuple(self.apart))

    def _one(self, pipeline: str, run: Run) -> Model:
        parts = tuple(model.name for model in run.models)
        name = "_".join(parts)
        known = self.made.get(name)
        if name in self.taken or (known is not None and known[0] != run):
            # Another model, or the same models joined by other tensors, has the name.
            name = f"{pipeline}_{name}"
        if name not in self.made:
            if isinstance(run.models[0], OnnxModel):
                made: Model = fused_onnx(run, name, _merged(name, run))
            else:
                made = fused_stage(run, name)
            self.made[name] = (run, made)
        self.fused.append(Fused(pipeline, name, parts))
        return self.made[name][1]


def _names(run: Run) -> tuple[str, ...]:
    return tuple(model.name for model in run.models)


def beside(pipeline: Ensemble) -> Ensemble:
    """A fused pipeline under the name that it has beside the plain one."""
    return replace(pipeline, name=pipeline.name + FUSED_SUFFIX)


def _merged(name: str, run: Run) -> Export:
    parts = [
        Joined(model.export, wiring.inputs, wiring.outputs)
        for model, wiring in zip(run.models, run.wirings, strict=True)
        if isinstance(model, OnnxModel)
    ]
    return merged(name, parts, run.outputs)
