"""Which neighbouring steps of a pipeline can be one model, and why others cannot.

Two steps of one kind, of which the second reads what the first writes, become one if the two
models are served alike and no tensor comes later for it: whoever else reads what the first writes
has waited for the second before too, and what the second reads besides is there before the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from builders.kit.graph import Ensemble, Model, OnnxModel, Step, wire
from builders.kit.graph.fusing.alike import differences, kind
from builders.kit.graph.fusing.fused import Run, fused_stage
from builders.kit.graph.layout import clashes
from repository.copied.flow import Wiring, waves


@dataclass(frozen=True)
class Neighbours:
    """Two neighbours of one kind, or runs of such, that stay apart.

    Attributes:
        first: the models before.
        second: the models after.
        why: the reason, as a clause.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    why: str


def find_runs(
    ensemble: Ensemble, callers: Mapping[str, str]
) -> tuple[tuple[Run, ...], tuple[Neighbours, ...]]:
    """The steps in running order, with those that can be one together, and who stays apart.

    Args:
        ensemble: a pipeline.
        callers: model that a stage calls -> that stage's model.

    Raises:
        ValueError: the steps cannot be ordered.
    """
    flow = _Flow.of(ensemble)
    groups: list[Group] = [(number,) for number in range(len(flow.steps))]
    while True:
        apart: list[Neighbours] = []
        for first, second in flow.pairs(groups):
            why = flow.why_not(first, second, groups, callers)
            if not why:
                groups = [each for each in groups if each not in (first, second)]
                groups.append(tuple(sorted((*first, *second))))
                groups.sort(key=max)
                break
            apart.append(Neighbours(flow.names(first), flow.names(second), why))
        else:
            return tuple(flow.run(group) for group in groups), tuple(apart)


Group = tuple[int, ...]
"""Numbers of steps that are one."""


@dataclass(frozen=True)
class _Flow:
    """An ensemble's steps in running order."""

    steps: tuple[Step, ...]
    wirings: tuple[Wiring, ...]
    given: tuple[str, ...]

    @classmethod
    def of(cls, ensemble: Ensemble) -> _Flow:
        wired = list(wire(ensemble))
        order = [
            each
            for wave in waves(wired, [tensor.name for tensor in ensemble.inputs])
            for each in wave
        ]
        places = sorted(range(len(wired)), key=lambda place: order.index(wired[place]))
        return cls(
            tuple(tuple(ensemble.steps)[place] for place in places),
            tuple(wired[place] for place in places),
            tuple(tensor.name for tensor in ensemble.outputs),
        )

    def names(self, group: Group) -> tuple[str, ...]:
        return tuple(self.steps[each].model.name for each in group)

    def models(self, group: Group) -> tuple[Model, ...]:
        return tuple(self.steps[each].model for each in group)

    def reads(self, group: Group) -> set[str]:
        return {name for each in group for name in self.wirings[each].inputs.values()}

    def writes(self, group: Group) -> set[str]:
        return {name for each in group for name in self.wirings[each].outputs.values()}

    def follows(self, second: Group, first: Group) -> bool:
        return first != second and bool(self.reads(second) & self.writes(first))

    def pairs(self, groups: Sequence[Group]) -> Iterator[tuple[Group, Group]]:
        """Neighbours whose models are of one kind."""
        for second in groups:
            for first in groups:
                kinds = {kind(model) for model in self.models((*first, *second))}
                if self.follows(second, first) and len(kinds) == 1 and kinds != {""}:
                    yield first, second

    def run(self, group: Group) -> Run:
        others = tuple(each for each in range(len(self.steps)) if each not in group)
        read = {*self.reads(others), *self.given}
        written = [name for each in group for name in self.wirings[each].outputs.values()]
        return Run(
            tuple(self.steps[each] for each in group),
            tuple(self.wirings[each] for each in group),
            tuple(name for name in written if name in read),
        )

    def why_not(
        self, first: Group, second: Group, groups: Sequence[Group], callers: Mapping[str, str]
    ) -> str:
        """Why two groups stay apart, as a clause; empty if they are to be one."""
        every = [step.model.name for step in self.steps]
        for name in self.names((*first, *second)):
            if every.count(name) > 1:
                return f"'{name}' is {every.count(name)} steps"
            if name in callers:
                return f"'{name}' is called by '{callers[name]}' too, and would be loaded twice"
        return (
            self._order(first, second, groups)
            or next(differences(self.models(first), self.models(second)), "")
            or next(self._tensors((*first, *second)), "")
        )

    def _order(self, first: Group, second: Group, groups: Sequence[Group]) -> str:
        before = {group: self._ancestors(group, groups) for group in groups}
        between = [each for each in groups if first in before[each] and each in before[second]]
        if between:
            several = len({name for each in between for name in self.names(each)}) > 1
            return f"{self._told(between)} {'run' if several else 'runs'} between them"
        beside = [
            each
            for each in groups
            if each != second and self.follows(each, first) and second not in before[each]
        ]
        if beside:
            return f"{self._told(beside)} would have to wait for {_quoted(self.names(second))}"
        late = [
            each
            for each in groups
            if each != first and self.follows(second, each) and each not in before[first]
        ]
        if late:
            return f"{_quoted(self.names(first))} would have to wait for {self._told(late)}"
        return ""

    def _ancestors(self, group: Group, groups: Sequence[Group]) -> set[Group]:
        found: set[Group] = set()
        pending = [group]
        while pending:
            each = pending.pop()
            for other in groups:
                if self.follows(each, other) and other not in found:
                    found.add(other)
                    pending.append(other)
        return found

    def _told(self, groups: Sequence[Group]) -> str:
        return _quoted([name for group in groups for name in self.names(group)])

    def _tensors(self, group: Group) -> Iterator[str]:
        """What the tensors of a run do not allow."""
        run = self.run(tuple(sorted(group)))
        for tensor, name, model in run.read:
            if isinstance(model, OnnxModel) and tensor.optional:
                yield f"'{tensor.name}' of '{model.name}' is optional"
            if isinstance(model, OnnxModel) and name not in run.wirings[0].inputs.values():
                yield (
                    f"'{model.name}' reads '{name}' besides, of which '{run.models[0].name}' has "
                    "no example to compare on"
                )
        first = list(run.wirings[0].inputs.values())
        if kind(run.models[0]) == "onnx" and len(set(first)) < len(first):
            yield f"'{run.models[0].name}' reads one tensor twice"
        for step, wiring in zip(run.steps, run.wirings, strict=True):
            for tensor in step.model.inputs:
                other = run.written.get(wiring.inputs.get(tensor.name, ""))
                if other is not None and (
                    other.dtype != tensor.dtype or len(other.axes) != len(tensor.axes)
                ):
                    yield f"'{other.name}' is not what '{step.model.name}' reads"
        if run.models[0].warmup and {each.name for each in run.inputs} - {
            name for each in run.warmup for name in each.inputs
        }:
            yield f"the warm-up of '{run.models[0].name}' has not all that they read"
        if kind(run.models[0]) == "python":
            for found in clashes(fused_stage(run, "fused")):
                yield f"their folder would hold {found.found} under one name"


def _quoted(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in dict.fromkeys(names)]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if quoted[1:] else quoted)
