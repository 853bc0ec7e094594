"""Models that call each other, by declaration or in their code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from repository.check.rules import finding
from repository.config.facts import called, has_decoupled, is_decoupled
from repository.config.proto import pb
from repository.findings import Finding


def check_call_graph(
    calls: Mapping[str, Set[str]], declared: Mapping[str, Set[str]]
) -> Iterator[Finding]:
    """Findings about a graph of calls.

    Args:
        calls: model -> the models that it calls or is composed of; a key for every model.
        declared: model -> the calls that its own code declares.
    """
    for name in sorted(declared):
        for missing in sorted(calls[name] - set(calls)):
            told = missing in declared[name]
            yield finding(
                "missing-call" if told else "unknown-call",
                name,
                "calls to models of this repository",
                f"'{missing}'",
                "Add the model, or take it out of the parameter 'calls'."
                if told
                else "Add the model, or correct its name in the code.",
            )
        trail = _way_back(name, calls)
        if trail:
            yield finding(
                "self-call",
                name,
                "calls that do not lead back to the caller",
                " -> ".join(trail),
                "Take the caller out of the circle: its only instance would wait for itself.",
            )


def check_called(
    config: pb.ModelConfig, configs: Mapping[str, pb.ModelConfig]
) -> Iterator[Finding]:
    """Findings about the models that a stage declares to call.

    Args:
        config: any model's; only a stage of the kit is looked at, and whatever is not decoupled
            itself: that is for engines, which read answers in pieces.
        configs: by the models' names.
    """
    if "stage" not in config.parameters or is_decoupled(config):
        return
    for name in called(config):
        if has_decoupled(name, configs):
            yield finding(
                "decoupled-call",
                config.name,
                "calls of models that answer once",
                f"'{name}', which is decoupled",
                "Call it from a streamed stage, by host.stream.",
            )


def _way_back(name: str, calls: Mapping[str, Set[str]]) -> list[str]:
    """The shortest way of calls from a model to itself; empty if there is none."""
    trails = [[name]]
    seen: set[str] = set()
    for trail in trails:
        for each in sorted(calls.get(trail[-1], set())):
            if each == name:
                return [*trail, name]
            if each not in seen:
                seen.add(each)
                trails.append([*trail, each])
    return []
