"""Rules on the data flow of an ensemble: who writes each tensor, who reads it, in what order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from builders.kit.check_rule import finding
from builders.kit.findings import Finding
from builders.kit.proto import pb

Step: TypeAlias = pb.ModelEnsembling.Step


def running_order(config: pb.ModelConfig) -> list[tuple[int, Step]]:
    """The steps that can run, each with its number, in an order in which they can.

    Missing are those that wait for a tensor nobody writes, or for each other.
    """
    available = {tensor.name for tensor in config.input}
    waiting = list(enumerate(config.ensemble_scheduling.step))
    order: list[tuple[int, Step]] = []
    while True:
        ready = [
            (index, step)
            for index, step in waiting
            if step.input_map and available.issuperset(step.input_map.values())
        ]
        if not ready:
            return order
        order += ready
        waiting = [member for member in waiting if member not in ready]
        for _, step in ready:
            available.update(step.output_map.values())


def check_flow(config: pb.ModelConfig) -> Iterator[Finding]:
    """Findings about tensors without a writer, a reader, or with two, and about cycles."""
    steps = config.ensemble_scheduling.step
    inputs = {tensor.name: None for tensor in config.input}
    outputs = {tensor.name: None for tensor in config.output}
    writers: dict[str, list[str]] = defaultdict(list)
    readers: dict[str, list[str]] = defaultdict(list)
    for step in steps:
        for key, name in sorted(step.output_map.items()):
            writers[name].append(f"'{key}' of '{step.model_name}'")
        for key, name in sorted(step.input_map.items()):
            readers[name].append(f"'{key}' of '{step.model_name}'")
    for name in inputs:
        if name not in readers and steps:
            yield finding(
                "unused-input",
                config.name,
                "a step that reads it",
                "none",
                "Map it to a step's input, or remove it.",
                tensor=name,
            )
        if name in writers:
            yield finding(
                "written-input",
                config.name,
                "no step that writes an ensemble input",
                " and ".join(writers[name]),
                "Write to another name.",
                tensor=name,
            )
    for name in outputs:
        if name not in writers and name not in inputs and steps:
            yield finding(
                "unwritten-output",
                config.name,
                "a step that writes it",
                "none",
                "Map a step's output to it, or remove it.",
                tensor=name,
            )
    for name, who in writers.items():
        if len(who) > 1:
            yield finding(
                "written-twice",
                config.name,
                "one step that writes it",
                " and ".join(who),
                "Give each its own name.",
                tensor=name,
            )
        if name not in readers and name not in outputs:
            yield finding(
                "unused-output",
                config.name,
                f"a reader of what {who[0]} writes, or an ensemble output of its name",
                "none",
                "Take it out of the step's output_map.",
                tensor=name,
            )
    for name, who in readers.items():
        if name not in writers and name not in inputs:
            yield finding(
                "unwritten-input",
                config.name,
                f"a step or an ensemble input that gives it to {' and '.join(who)}",
                "none",
                "Correct the name in the input_map, or add the step that writes it.",
                tensor=name,
            )
    for names in _cycles(list(steps)):
        yield finding(
            "cycle",
            config.name,
            "an order in which every step has its inputs",
            " -> ".join((*names, names[0])),
            "Break the circle: no step may wait for itself.",
        )


def _cycles(steps: list[Step]) -> list[list[str]]:
    """The models of each circle of steps, one circle for each group that hangs together."""
    after: list[set[int]] = []
    for step in steps:
        written = set(step.output_map.values())
        after.append(
            {
                other
                for other, reader in enumerate(steps)
                if written & set(reader.input_map.values())
            }
        )
    reached = [set(following) for following in after]
    changed = True
    while changed:
        changed = False
        for index in range(len(steps)):
            wider = set().union(reached[index], *(reached[other] for other in reached[index]))
            if wider != reached[index]:
                reached[index], changed = wider, True
    circles: list[list[str]] = []
    seen: set[int] = set()
    for start in range(len(steps)):
        if start in seen or start not in reached[start]:
            continue
        group = {other for other in reached[start] if start in reached[other]}
        seen |= group
        circles.append([steps[index].model_name for index in _circle(start, group, after)])
    return circles


def _circle(start: int, group: set[int], after: list[set[int]]) -> list[int]:
    """The shortest way from a step back to itself."""
    ways = [[start]]
    seen: set[int] = set()
    for way in ways:
        for following in sorted(after[way[-1]] & group):
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return [start]
