"""What a build would do, and why, without doing it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from builders.kit.build import stamp
from builders.kit.build.errors import BuildError
from builders.kit.build.plan import Step, Steps
from builders.kit.emit.assemble import configs_of, hashes_of, tree_of
from builders.kit.emit.check import check_graph
from builders.kit.emit.sizes import sized
from builders.kit.emit.target import Target
from builders.kit.recipe.checkout import Checkout
from builders.kit.recipe.profile import Profile
from builders.kit.recipe.recipe import make_recipe
from builders.kit.tasks.cache import Cache, Entry
from builders.kit.tasks.code import Sources
from repository.findings import errors
from repository.manifest import Manifest, ManifestError, read_manifest, verify

Action = Literal["build", "cached", "depends", "write", "keep", "leave"]


@dataclass(frozen=True)
class Planned:
    """What would become of one step.

    Attributes:
        name: the step's name.
        action: "build" runs it, "cached" has its result; "depends" is decided by the steps it
            follows; "write" and "keep" are about a model's folder in the repository; "leave" leaves
            out what needs a checkpoint that nobody names.
        why: the reason.
        seconds: how long it took when it last ran; 0 if that is not known.
    """

    name: str
    action: Action
    why: str = ""
    seconds: float = 0.0


def plan(
    profile: Profile,
    out: Path,
    *,
    cache: Cache | None = None,
    checkout: Checkout | None = None,
) -> tuple[Planned, ...]:
    """Every step of a build in order, and whether it would run.

    Args:
        profile: what would be built.
        out: the repository's folder.
        cache: as in :func:`builders.kit.build.build.build`.
        checkout: as there.

    Raises:
        BuildError: the graph is wrong.
        ProfileError: the profile asks for what is not there, or of a form that cannot be built.
        RepositoryError: the folder is not one to build into.
    """
    cache, checkout, target = cache or Cache(), checkout or Checkout(), Target(out)
    target.refuse_strangers(stamp.files_built(cache, target.out))
    recipe = make_recipe(profile, checkout)
    if found := errors(check_graph(recipe.models, recipe.release)):
        raise BuildError(found)
    steps = Steps(recipe, Sources(checkout.roots))
    planned: list[Planned] = []
    paths: dict[str, Path] = {}
    digests: dict[str, str] = {}
    for subject, export in recipe.exports.items():
        base = recipe.base_of(subject)
        if base is not None and base not in paths:
            planned.append(Planned(f"export {subject}", "depends", f"follows export {base}"))
            planned.append(Planned(f"parity {subject}", "depends", f"follows export {base}"))
            continue
        step = steps.export(subject, digests[base] if base else "")
        entry = _look(step, cache, planned)
        if entry is not None:
            paths[subject] = entry.folder / export.name
            digests[subject] = entry.digest
        if export.parity is None:
            continue
        if entry is not None:
            _look(steps.parity(subject, entry.digest), cache, planned)
        else:
            planned.append(Planned(f"parity {subject}", "depends", f"follows {step.name}"))
    known = sized(recipe, paths)
    configs = configs_of(known)
    files = hashes_of(tree_of(known, configs, paths))
    complete = len(paths) == len(recipe.exports)
    for family in recipe.families.values():
        for metric in family.metrics:
            if complete:
                _look(steps.metric(family.name, metric, files, configs), cache, planned)
            else:
                waits = [f"export {name}" for name in recipe.exports if name not in paths]
                why = f"follows {', '.join(waits)}"
                planned.append(Planned(f"metric {family.name}/{metric.name}", "depends", why))
    old = _files_now(target.out)
    for model in recipe.models:
        missing = [each for each in recipe.exports_of(model).values() if each not in paths]
        planned.append(_model(model.name, missing, files, old))
    gone = sorted(
        {path.partition("/")[0] for path in old} - {model.name for model in recipe.models}
    )
    planned += [
        Planned(f"model {name}", "write", "removed: no longer in the graph") for name in gone
    ]
    planned += [
        Planned(str(left), "leave", f"no checkpoint: {left.remedy}") for left in recipe.left_out
    ]
    return tuple(planned)


def _look(step: Step, cache: Cache, planned: list[Planned]) -> Entry | None:
    entry = cache.peek(step.kind, step.key)
    if entry is None:
        planned.append(Planned(step.name, "build", step.why(cache)))
    else:
        planned.append(Planned(step.name, "cached", seconds=entry.seconds))
    return entry


def _files_now(out: Path) -> dict[str, str]:
    """The files of the present repository that are as they were built."""
    try:
        manifest: Manifest = read_manifest(out)
    except ManifestError:
        return {}
    wrong = {finding.where for finding in verify(out)}
    return {name: file.sha256 for name, file in manifest.files.items() if name not in wrong}


def _model(name: str, missing: list[str], files: dict[str, str], old: dict[str, str]) -> Planned:
    prefix = f"{name}/"
    now = {path: sha256 for path, sha256 in files.items() if path.startswith(prefix)}
    before = {path: sha256 for path, sha256 in old.items() if path.startswith(prefix)}
    if missing:
        return Planned(f"model {name}", "depends", f"follows export {', '.join(missing)}")
    if not before:
        return Planned(f"model {name}", "write", "new")
    changed = sorted(
        path for path in now.keys() | before.keys() if now.get(path) != before.get(path)
    )
    if not changed:
        return Planned(f"model {name}", "keep")
    return Planned(f"model {name}", "write", f"changed: {', '.join(changed)}")
