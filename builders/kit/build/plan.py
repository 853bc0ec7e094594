"""The steps of a build: what each is made from, and so its key, and why it has to run."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from builders.kit.family import Metric
from builders.kit.graph import PythonModel
from builders.kit.recipe.recipe import Recipe
from builders.kit.sources.files import sha256 as sha256_of
from builders.kit.tasks.cache import Cache, key_of
from builders.kit.tasks.code import Sources, name_of
from repository.config.facts import needed

FORMAT = "1"
"""Part of every key; changes when the build itself comes to make something else of its inputs."""

Function = Callable[..., object]
Kind = Literal["export", "parity", "metric"]

# Settings that decide when a request runs, and not what it answers.
_SERVING = ("instance_group", "dynamic_batching", "response_cache", "model_warmup")


@dataclass(frozen=True)
class Step:
    """One cacheable step.

    Attributes:
        kind: what it does.
        subject: ``family/name`` of what it makes or judges.
        parts: everything that decides its result, by a name that people can read.
        tools: package -> version, of those that take part.
    """

    kind: Kind
    subject: str
    parts: Mapping[str, str]
    tools: Mapping[str, str]

    @property
    def name(self) -> str:
        """As the build prints it."""
        return f"{self.kind} {self.subject}"

    @property
    def key(self) -> str:
        """The hash of :attr:`parts`."""
        return key_of(self.parts)

    def why(self, cache: Cache) -> str:
        """Why it has to run, if it has to."""
        last = cache.last(self.name)
        if last is None:
            return "new"
        changed = [
            _change(name, last.get(name), self.parts.get(name))
            for name in sorted(last.keys() | self.parts.keys())
            if last.get(name) != self.parts.get(name)
        ]
        if not changed:
            return "its cached result is gone or damaged"
        more = f", and {len(changed) - 3} more" if len(changed) > 3 else ""
        return ", ".join(changed[:3]) + more


@dataclass
class Steps:
    """Makes the steps of a recipe.

    Attributes:
        recipe: what is built.
        sources: reads the code that takes part.
    """

    recipe: Recipe
    sources: Sources = field(default_factory=Sources)

    def read_code(self) -> None:
        """Read the code of all exports and comparisons now.

        CPython 3.11 fails now and then when two threads parse at once ("AST constructor recursion
        depth mismatch"), and exports that run in threads may parse too.
        """
        for export in self.recipe.exports.values():
            self.sources.code_of([export.make])
            if export.parity is not None:
                self.sources.code_of(export.parity.functions, "builders.kit.build.parity")

    def export(self, subject: str, base: str = "") -> Step:
        """The making of an export.

        Args:
            subject: ``family/name``.
            base: for one that is made of another, the hash of that one's content.
        """
        export = self.recipe.exports[subject]
        options = {
            f"option {name}": json.dumps(value, sort_keys=True, default=repr)
            for name, value in export.options.items()
        }
        made_of = {"file made": base} if export.of else self._files(subject)
        return self._step("export", subject, [export.make], (), {**options, **made_of})

    def parity(self, subject: str, made: str) -> Step:
        """The comparison of an export, whose content has the hash ``made``, with its source."""
        export = self.recipe.exports[subject]
        assert export.parity is not None
        parts = {
            "file made": made,
            "option absolute": repr(export.parity.absolute),
            "option relative": repr(export.parity.relative),
            **self._files(subject),
        }
        functions = export.parity.functions
        return self._step("parity", subject, functions, ("builders.kit.build.parity",), parts)

    def metric(
        self, family: str, metric: Metric, files: Mapping[str, str], configs: Mapping[str, Any]
    ) -> Step:
        """The measuring of a metric.

        Args:
            family: whose metric it is.
            metric: the metric; its bound is no part of the key, as it changes no score.
            files: the repository's files by path -> SHA-256.
            configs: every model's ``ModelConfig``, by name.
        """
        used = models_under(metric.pipeline, configs)
        parts = {
            f"file {path}": sha256
            for path, sha256 in files.items()
            if path.split("/")[0] in used and not path.endswith("/config.pbtxt")
        }
        for place in metric.data:
            for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if file.is_file():
                    parts[f"data {file.relative_to(place.parent)}"] = sha256_of(file)
        for name in used:
            config = type(configs[name])()
            config.CopyFrom(configs[name])
            for setting in _SERVING:
                config.ClearField(setting)
            parts[f"file {name}/config.pbtxt"] = key_of({"": str(config)})
        stages = [
            module
            for model in self.recipe.models
            if model.name in used and isinstance(model, PythonModel)
            for module in (model.stage, *model.modules)
        ]
        modules = ("runtime.inprocess", *stages)
        return self._step("metric", f"{family}/{metric.name}", [metric.measure], modules, parts)

    def _files(self, subject: str) -> dict[str, str]:
        source = self.recipe.source_of(subject)
        return {f"source {name}": sha256 for name, sha256 in source.files.items()}

    def _step(
        self,
        kind: Kind,
        subject: str,
        functions: Sequence[Function],
        modules: Iterable[str],
        parts: Mapping[str, str],
    ) -> Step:
        code = self.sources.code_of(functions, *modules)
        tools = {**code.tools, "python": platform.python_version()}
        return Step(
            kind,
            subject,
            {
                "format": FORMAT,
                "name": subject,
                "functions": ", ".join(map(name_of, functions)),
                "machine": platform.machine(),
                **{f"code {name}": sha256 for name, sha256 in code.modules.items()},
                **{f"tool {name}": version for name, version in tools.items()},
                **parts,
            },
            tools,
        )


def models_under(name: str, configs: Mapping[str, Any]) -> set[str]:
    """A model and every model that it is composed of or calls, directly or not."""
    found: set[str] = set()
    pending = [name]
    while pending:
        each = pending.pop()
        if each in configs and each not in found:
            found.add(each)
            pending += needed(configs[each])
    return found


def _change(name: str, before: str | None, now: str | None) -> str:
    if before is None:
        return f"{name} is new"
    if now is None:
        return f"{name} is gone"
    if name.startswith(("option ", "tool ")):
        return f"{name}: {before} -> {now}"
    return f"{name} changed"
