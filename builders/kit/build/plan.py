"""The plan of a build: its tasks, and what decides each one's result."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.kit.build.errors import BuildError
from builders.kit.emit.check import check_graph
from builders.kit.emit.config import configs_of
from builders.kit.family import Metric
from builders.kit.graph import PythonModel
from builders.kit.recipe.recipe import Recipe
from builders.kit.sources.files import sha256
from builders.kit.tasks.code import CodeReader, name_of
from builders.kit.tasks.task import Kind, Task
from repository.config.facts import needed
from repository.config.proto import pb
from repository.findings import errors

FORMAT = "1"
"""Part of every key; changes when the build itself comes to make something else of its inputs."""

Function = Callable[..., object]


@dataclass(frozen=True)
class Plan:
    """What a build does.

    A task's key does not contain yet what it gets from another task: :meth:`Task.given` adds that.

    Attributes:
        recipe: what is built.
        configs: each model's config, where the sizes that a made file decides are still open.
        exports: ``family/export`` -> its making. One that is made from other exports still gets
            the hash of each one's content.
        parities: ``family/export`` -> its comparison with its source, which still gets ``file
            made``, the hash of its own content.
        metrics: ``family/metric`` -> its measuring, which still gets the repository's files.
    """

    recipe: Recipe
    configs: Mapping[str, pb.ModelConfig]
    exports: Mapping[str, Task]
    parities: Mapping[str, Task]
    metrics: Mapping[str, Task]


def make_plan(recipe: Recipe, code: CodeReader) -> Plan:
    """The tasks of a recipe, once its graph is known to be right.

    All code is read here, in one thread: CPython 3.11 fails now and then when two parse at once
    ("AST constructor recursion depth mismatch").

    Args:
        recipe: what is built.
        code: reads the code that takes part.

    Raises:
        BuildError: Triton would refuse the graph; every mistake.
    """
    configs = configs_of(recipe.models)
    if found := errors(check_graph(recipe.models, recipe.release, configs)):
        raise BuildError(found)
    return Plan(
        recipe,
        configs,
        exports={subject: _export(recipe, code, subject) for subject in recipe.exports},
        parities={
            subject: _parity(recipe, code, subject)
            for subject, export in recipe.exports.items()
            if export.parity is not None
        },
        metrics={
            f"{family.name}/{metric.name}": _metric(recipe, code, family.name, metric, configs)
            for family in recipe.families.values()
            for metric in family.metrics
        },
    )


def models_under(name: str, configs: Mapping[str, pb.ModelConfig]) -> set[str]:
    """A model and every model that it is composed of or calls, directly or not."""
    found: set[str] = set()
    pending = [name]
    while pending:
        each = pending.pop()
        if each in configs and each not in found:
            found.add(each)
            pending += needed(configs[each])
    return found


def _export(recipe: Recipe, code: CodeReader, subject: str) -> Task:
    export = recipe.exports[subject]
    options = {
        f"option {name}": json.dumps(value, sort_keys=True, default=repr)
        for name, value in export.options.items()
    }
    made_of = {} if export.bases else _checkpoint(recipe, subject)
    return _task(code, "export", subject, [export.make], (), {**options, **made_of})


def _parity(recipe: Recipe, code: CodeReader, subject: str) -> Task:
    parity = recipe.exports[subject].parity
    assert parity is not None
    parts = {
        "option absolute": repr(parity.absolute),
        "option relative": repr(parity.relative),
        **({} if recipe.exports[subject].parts else _checkpoint(recipe, subject)),
        **_data(parity.data),
    }
    modules = ("builders.kit.build.parity",)
    return _task(code, "parity", subject, parity.functions, modules, parts)


def _metric(
    recipe: Recipe,
    code: CodeReader,
    family: str,
    metric: Metric,
    configs: Mapping[str, pb.ModelConfig],
) -> Task:
    """The bound is not part of the key, since it changes no score."""
    parts = _data(metric.data)
    used = {each for name in metric.pipelines for each in models_under(name, configs)}
    stages = [
        stage
        for model in recipe.models
        if model.name in used and isinstance(model, PythonModel)
        for stage in model.stages
    ]
    modules = ("runtime.inprocess", *stages)
    return _task(code, "metric", f"{family}/{metric.name}", [metric.measure], modules, parts)


def _data(places: Iterable[Path]) -> dict[str, str]:
    """The hash of each file there, and below folders, by its name."""
    return {
        f"data {file.relative_to(place.parent)}": sha256(file)
        for place in places
        for file in (sorted(place.rglob("*")) if place.is_dir() else [place])
        if file.is_file()
    }


def _checkpoint(recipe: Recipe, subject: str) -> dict[str, str]:
    files = recipe.source_of(subject).files
    return {f"source {name}": digest for name, digest in files.items()}


def _task(
    code: CodeReader,
    kind: Kind,
    subject: str,
    functions: Sequence[Function],
    modules: Iterable[str],
    parts: Mapping[str, str],
) -> Task:
    read = code.code_of(functions, *modules)
    tools = {**read.tools, "python": platform.python_version()}
    return Task(
        kind,
        subject,
        {
            "format": FORMAT,
            "name": subject,
            "functions": ", ".join(map(name_of, functions)),
            "machine": platform.machine(),
            **{f"code {name}": digest for name, digest in read.modules.items()},
            **{f"tool {name}": version for name, version in tools.items()},
            **parts,
        },
        tools,
    )
