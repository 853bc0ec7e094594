"""Writes a repository's manifest, and swaps it in where anything changed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from builders.kit.build.gates import Measured
from builders.kit.emit import record
from builders.kit.emit.target import Target, put
from builders.kit.tasks.progress import Action, Outcome, Progress
from repository.manifest import Manifest, ManifestError, read_manifest, verify
from repository.manifest.schema import MANIFEST


@dataclass(frozen=True)
class Swapped:
    """A repository that is served from now on.

    Attributes:
        manifest: what it holds.
        changed: whether it was swapped in now; False if it was already there.
        built: the models that were made now, or whose files changed.
    """

    manifest: Manifest
    changed: bool
    built: frozenset[str]


def swap_in(measured: Measured, target: Target, progress: Progress, began: float) -> Swapped:
    """Replace the last repository by one that passed, unless the two are equal.

    Args:
        measured: the repository, staged beside the target.
        target: the folder.
        progress: is told of every model.
        began: when the build did, by :func:`time.monotonic`.

    Raises:
        TargetError: the folder cannot be swapped.
    """
    staged = measured.staged
    made, recipe = staged.made, staged.made.plan.recipe
    tasks = [*made.done, *measured.done.values()]
    document = record.document(
        recipe,
        files=staged.files,
        configs=staged.configs,
        exports={subject: export.record for subject, export in made.exports.items()},
        scores=measured.scores,
        tools={tool: version for each in tasks for tool, version in each.task.tools.items()},
        seconds=time.monotonic() - began,
        tasks={each.task.name: each.entry.seconds for each in tasks},
    )
    fresh = frozenset(
        model.name
        for model in recipe.models
        if any(made.exports[each].made.built for each in recipe.exports_of(model).values())
    )
    try:
        before = read_manifest(target.out)
    except ManifestError:
        before = None
    if before is not None and before.digest == document["digest"] and not verify(target.out):
        return Swapped(before, False, fresh)
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    put(staged.folder, MANIFEST, text.encode())
    manifest = read_manifest(staged.folder)
    changed = _changed_models(before, manifest)
    target.publish()
    for name in manifest.models:
        action: Action = "built" if name in fresh | changed.keys() else "cached"
        progress.finished(Outcome(f"model {name}", action, files=changed.get(name, ())))
    return Swapped(manifest, True, fresh | changed.keys())


def _changed_models(before: Manifest | None, now: Manifest) -> dict[str, tuple[str, ...]]:
    """The models whose files differ from the last repository's, with those files."""
    old = before.files if before else {}
    changed: dict[str, tuple[str, ...]] = {}
    for path in sorted(old.keys() | now.files.keys()):
        name = path.partition("/")[0]
        if old.get(path) != now.files.get(path) and name in now.models:
            changed[name] = (*changed.get(name, ()), path)
    return changed
