"""Rules on the data flow of an ensemble: who writes each tensor, who reads it, in what order."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import TypeAlias

from repository.check.rules import finding
from repository.config.proto import pb
from repository.findings import Finding

Step: TypeAlias = pb.ModelEnsembling.Step


def running_order(config: pb.ModelConfig) -> list[tuple[int, Step]]:
    """The steps that can run, with their numbers, in a possible order.

    Steps that wait for a tensor nobody writes, or for each other, are left out.
    """
    return [member for wave in running_waves(config) for member in wave]


def running_waves(config: pb.ModelConfig) -> list[list[tuple[int, Step]]]:
    """As :func:`running_order`, in waves: the steps of one wave do not need each other."""
    steps = config.ensemble_scheduling.step
    available = {tensor.name for tensor in config.input}
    lacking = [set(step.input_map.values()) - available for step in steps]
    waiting: dict[str, list[int]] = defaultdict(list)
    for index, names in enumerate(lacking):
        for name in names:
            waiting[name].append(index)
    ready = [index for index, step in enumerate(steps) if step.input_map and not lacking[index]]
    waves = []
    while ready:
        waves.append([(index, steps[index]) for index in ready])
        following = []
        for name in [name for index in ready for name in steps[index].output_map.values()]:
            for index in waiting.pop(name, ()):
                lacking[index].discard(name)
                if not lacking[index]:
                    following.append(index)
        ready = sorted(following)
    return waves


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
    readers: dict[str, set[int]] = defaultdict(set)
    for index, step in enumerate(steps):
        for name in step.input_map.values():
            readers[name].add(index)
    after = [set().union(*(readers[name] for name in step.output_map.values())) for step in steps]
    groups = [group for group in _groups(after) if len(group) > 1 or group <= after[min(group)]]
    return [
        [steps[index].model_name for index in _circle(min(group), group, after)]
        for group in sorted(groups, key=min)
    ]


def _groups(after: list[set[int]]) -> list[set[int]]:
    """The strongly connected groups of a graph, by Tarjan's way, without recursion.

    Args:
        after: the numbers that follow each number.
    """
    groups: list[set[int]] = []
    number: dict[int, int] = {}
    lowest: dict[int, int] = {}
    open_ones: list[int] = []
    is_open: set[int] = set()
    for root in range(len(after)):
        if root in number:
            continue
        trail = [(root, iter(sorted(after[root])))]
        number[root] = lowest[root] = len(number)
        open_ones.append(root)
        is_open.add(root)
        while trail:
            here, rest = trail[-1]
            for following in rest:
                if following not in number:
                    number[following] = lowest[following] = len(number)
                    open_ones.append(following)
                    is_open.add(following)
                    trail.append((following, iter(sorted(after[following]))))
                    break
                if following in is_open:
                    lowest[here] = min(lowest[here], number[following])
            else:
                trail.pop()
                if trail:
                    above = trail[-1][0]
                    lowest[above] = min(lowest[above], lowest[here])
                if lowest[here] == number[here]:
                    group: set[int] = set()
                    while here not in group:
                        group.add(open_ones.pop())
                    is_open -= group
                    groups.append(group)
    return groups


def _circle(start: int, group: set[int], after: list[set[int]]) -> list[int]:
    """The shortest way from a step back to itself."""
    before: dict[int, int] = {}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for following in sorted(after[here] & group):
            if following == start:
                way = [here]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return way[::-1]
            if following not in before:
                before[following] = here
                waiting.append(following)
    return [start]
