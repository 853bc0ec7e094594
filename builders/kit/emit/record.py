"""Writes a build's manifest: what :mod:`repository.manifest` reads."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from builders.kit.emit.files import Files
from builders.kit.family import Metric
from builders.kit.graph import Model
from builders.kit.graph.kind import kind_of
from builders.kit.recipe.recipe import Recipe
from repository.config.facts import called
from repository.config.proto import pb
from repository.manifest import KIT, VERSION
from repository.manifest.schema import SCHEMA, digest_of


def document(
    recipe: Recipe,
    *,
    files: Files,
    configs: Mapping[str, pb.ModelConfig],
    exports: Mapping[str, Mapping[str, Any]],
    scores: Sequence[tuple[str, Metric, float]],
    tools: Mapping[str, str],
    seconds: float,
    tasks: Mapping[str, float],
) -> dict[str, Any]:
    """The manifest as JSON values; equal for builds from equal inputs, ``times`` aside.

    Args:
        recipe: what was built.
        files: the repository's.
        configs: each model's config.
        exports: ``family/export`` -> ``facts``, ``parity`` and ``bytes``.
        scores: family, metric and its value.
        tools: package -> version, of all that took part.
        seconds: how long the build took.
        tasks: task's name -> how long it took when it ran.
    """
    profile = recipe.profile
    made: dict[str, Any] = {
        "schema": SCHEMA,
        "kit": {"name": KIT, "version": VERSION},
        "target": {
            "triton": profile.triton,
            "device": profile.device,
            "precision": profile.precision,
        },
        "profile": profile.model_dump(mode="json", exclude_none=True),
        "families": {name: _family(recipe, name) for name in recipe.families},
        "exports": {
            subject: {
                "family": subject.partition("/")[0],
                "source": recipe.exports[subject].source,
                **_parts(recipe, subject),
                **exports[subject],
            }
            for subject in recipe.exports
        },
        "models": {
            model.name: _model(recipe, model, configs[model.name], files) for model in recipe.models
        },
        "metrics": [
            {
                "family": family,
                "name": metric.name,
                "pipeline": metric.pipeline,
                "better": metric.better,
                "bound": metric.bound,
                "value": value,
            }
            for family, metric, value in scores
        ],
        "tools": {**dict(sorted(tools.items())), "python": platform.python_version()},
        "files": {name: asdict(files[name]) for name in sorted(files)},
    }
    # As it will be read: tuples as lists, and nothing that JSON has not.
    made = json.loads(json.dumps(made, allow_nan=False))
    made["digest"] = digest_of(made)
    built = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    made["times"] = {
        "built": built,
        "seconds": round(seconds, 3),
        "steps": {name: round(tasks[name], 3) for name in sorted(tasks)},
    }
    return made


def _parts(recipe: Recipe, subject: str) -> dict[str, list[str]]:
    parts = recipe.bases_of(subject) if recipe.exports[subject].parts else ()
    return {"parts": list(parts)} if parts else {}


def _family(recipe: Recipe, name: str) -> dict[str, Any]:
    prefix = f"{name}/"
    return {
        "pipelines": [pipeline.name for pipeline in recipe.families[name].pipelines],
        "sources": {
            subject.removeprefix(prefix): {
                "uri": source.uri,
                "revision": source.revision,
                "licence": source.licence,
                "about": source.about,
                "files": dict(sorted(source.files.items())),
            }
            for subject, source in sorted(recipe.sources.items())
            if subject.startswith(prefix)
        },
    }


def _model(recipe: Recipe, model: Model, config: pb.ModelConfig, files: Files) -> dict[str, Any]:
    return {
        "kind": kind_of(model),
        "backend": config.backend or config.platform,
        "families": list(recipe.owners[model.name]),
        "exports": sorted(recipe.exports_of(model).values()),
        "calls": list(called(config)),
        "max_batch_size": model.max_batch_size,
        "bytes": sum(
            file.bytes for name, file in files.items() if name.startswith(f"{model.name}/")
        ),
    }
