"""Builds a repository from a profile: each step once, the folder whole or not at all.

Exports are made and compared with their sources side by side; the repository is written aside,
checked, measured, and swapped in. What is in the cache is not made again, and where nothing changed
since the last build not even the families are loaded. So this module imports little by itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from builders.kit.build import stamp
from builders.kit.build.errors import BuildError, StepError, disk_full_told, raise_failures
from builders.kit.emit.target import RepositoryError, Target, put
from builders.kit.recipe.checkout import Checkout
from builders.kit.recipe.profile import Profile, ProfileError
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.progress import Action, Outcome, Progress, Silent
from repository.files.yaml_file import suggest
from repository.findings import Finding, errors
from repository.manifest import Manifest, ManifestError, read_manifest, verify
from repository.manifest.schema import MANIFEST, finding

if TYPE_CHECKING:
    from builders.kit.build.gates import Scores
    from builders.kit.build.making import Bench, Made
    from builders.kit.build.plan import Steps
    from builders.kit.recipe.recipe import Recipe

__all__ = ["BuildError", "RepositoryError", "Result", "build", "reproduce"]


@dataclass(frozen=True)
class Result:
    """A repository that is as it should be.

    Attributes:
        out: where it lies.
        manifest: what it holds.
        changed: whether it was swapped in now; False if it was already there.
        built: the models that were made now, or whose files changed; all others were cached.
        warnings: what the check found that loads, and may hurt later.
        seconds: how long this took.
    """

    out: Path
    manifest: Manifest
    changed: bool
    built: frozenset[str]
    warnings: tuple[Finding, ...]
    seconds: float


def build(
    profile: Profile,
    out: Path,
    progress: Progress | None = None,
    *,
    cache: Cache | None = None,
    checkout: Checkout | None = None,
) -> Result:
    """Build a repository, or find that it is built.

    Args:
        profile: what to build.
        out: the repository's folder.
        progress: is told of every step.
        cache: where results are kept; the user's cache if not given.
        checkout: where families lie; this checkout if not given.

    Returns:
        The repository, built or found as it should be.

    Raises:
        BuildError: something is wrong; the old repository is untouched.
        ProfileError: the profile asks for what is not there.
        RepositoryError: the folder is not one to build into.
    """
    began = time.monotonic()
    target, cache, progress = Target(out), cache or Cache(), progress or Silent()
    # Relative paths of sources start at the working directory.
    asked = f"{Path.cwd()} {profile.model_dump_json()}"

    def unchanged(*, locked: bool) -> Result | None:
        if not stamp.is_current(cache, target.out, asked=asked):
            return None
        if target.has_leftovers and not locked:
            with target.locked(progress.message):
                pass
        try:
            manifest = read_manifest(target.out)
        except ManifestError:
            return None
        seconds = time.monotonic() - began
        return Result(target.out, manifest, False, frozenset(), (), seconds)

    cache.sweep()
    with disk_full_told(target.out.parent, cache.root):
        if result := unchanged(locked=False):
            return result
        target.refuse_strangers(stamp.files_built(cache, target.out))
        with target.locked(progress.message):
            # Another build may have done it while this one waited.
            if result := unchanged(locked=True):
                return result
            try:
                steps = _steps(profile, checkout)
                watched = _watched(steps, checkout or Checkout())
                code = stamp.code_state(watched.files, watched.folders)
                with cache.work() as work:
                    result = _run(steps, _bench(cache, work, progress), target, began)
            finally:
                target.discard()
            stamp.write(
                cache,
                target.out,
                asked=asked,
                watched=replace(watched, tools={**watched.tools, **result.manifest.tools}),
                code=code,
                sources=_checkpoints(steps.recipe),
            )
        cache.prune()
    return result


def reproduce(
    profile: Profile,
    step: str,
    progress: Progress | None = None,
    *,
    cache: Cache | None = None,
    checkout: Checkout | None = None,
) -> None:
    """Run one step, and those that it needs; its error comes as it is, with its traceback.

    Args:
        profile: the profile of the build that failed.
        step: the step's name, as "export ocr/detector", "parity ocr/detector" or
            "metric ocr/character_error_rate".
        progress: is told of every step.
        cache: as in :func:`build`.
        checkout: as in :func:`build`.

    Raises:
        ProfileError: there is no such step; the message lists those there are.
        Exception: whatever the step raises.
    """
    from builders.kit.build.making import make_exports

    cache, progress = cache or Cache(), progress or Silent()
    steps = _steps(profile, checkout)
    kind, _, subject = step.partition(" ")
    exports = list(steps.recipe.exports)
    metrics = [
        f"{own.name}/{m.name}" for own in steps.recipe.families.values() for m in own.metrics
    ]
    known = [*(f"{each} {name}" for each in ("export", "parity") for name in exports)]
    known += [f"metric {name}" for name in metrics]
    if step not in known:
        expected = f"one of {', '.join(known)}"
        raise ProfileError([finding("step", "--only", expected, step, suggest(step, known))])
    try:
        with cache.work() as work:
            bench = _bench(cache, work, progress)
            wanted = exports if kind == "metric" else [subject]
            made, failures = make_exports(steps, bench, wanted)
            if failures:
                raise failures[0]
            if kind == "metric":
                folder = work / "repository"
                folder.mkdir()
                _Staged(steps, bench, folder, made).measure()
    except StepError as failure:
        raise failure.cause from None


def _run(steps: Steps, bench: Bench, target: Target, began: float) -> Result:
    from builders.kit.build.making import make_exports
    from builders.kit.emit import record

    recipe, profile = steps.recipe, steps.recipe.profile
    made, failures = make_exports(steps, bench, list(recipe.exports))
    raise_failures(profile, failures)
    staged = _Staged(steps, bench, target.stage(), made)
    warnings = staged.check()
    try:
        scores, seconds, tools = staged.measure()
    except StepError as failure:
        raise_failures(profile, [failure])
        raise
    for each in made.values():
        seconds |= each.seconds
        tools |= each.tools
    document = record.document(
        recipe,
        files=staged.files,
        configs=staged.configs,
        exports={
            name: {"facts": each.facts, "parity": each.parity, "bytes": each.bytes}
            for name, each in made.items()
        },
        scores=scores,
        tools=tools,
        seconds=time.monotonic() - began,
        steps=seconds,
    )
    fresh = frozenset(
        model.name
        for model in recipe.models
        if any(made[each].built for each in recipe.exports_of(model).values())
    )
    try:
        before = read_manifest(target.out)
    except ManifestError:
        before = None
    if before is not None and before.digest == document["digest"] and not verify(target.out):
        seconds_taken = time.monotonic() - began
        return Result(target.out, before, False, fresh, warnings, seconds_taken)
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    put(target.staging, MANIFEST, text.encode())
    manifest = read_manifest(target.staging)
    changed = _changed_models(before, manifest)
    target.publish()
    for name in manifest.models:
        action: Action = "built" if name in fresh | changed.keys() else "cached"
        bench.progress.finished(Outcome(f"model {name}", action, files=changed.get(name, ())))
    seconds_taken = time.monotonic() - began
    return Result(target.out, manifest, True, fresh | changed.keys(), warnings, seconds_taken)


class _Staged:
    """A repository that is written, and not yet served."""

    def __init__(self, steps: Steps, bench: Bench, folder: Path, made: Mapping[str, Made]) -> None:
        from builders.kit.emit import assemble, record
        from builders.kit.emit.sizes import sized

        self.steps = steps
        self.bench = bench
        self.folder = folder
        paths = {name: each.path for name, each in made.items()}
        recipe = sized(steps.recipe, paths)
        self.configs = assemble.configs_of(recipe)
        for name, content in assemble.tree_of(recipe, self.configs, paths).items():
            put(folder, name, content)
        self.files = record.files_of(folder)

    def check(self) -> tuple[Finding, ...]:
        """Triton's rules; warnings are returned, errors end the build.

        Under which path it will be served is not known yet.
        """
        from repository.check.check import check_repository

        findings = check_repository(self.folder, self.steps.recipe.release, in_place=False)
        if found := errors(findings):
            raise BuildError(found)
        return tuple(findings)

    def measure(self) -> Scores:
        """Every metric; one beyond its bound ends the build."""
        from builders.kit.build.gates import measure

        hashes = {name: entry["sha256"] for name, entry in self.files.items()}
        return measure(self.steps, self.bench, self.folder, hashes, self.configs)


def _steps(profile: Profile, checkout: Checkout | None) -> Steps:
    """The recipe's steps, once its graph is known to be right."""
    from builders.kit.build.plan import Steps
    from builders.kit.emit.check import check_graph
    from builders.kit.recipe.recipe import make_recipe
    from builders.kit.tasks.code import Sources

    checkout = checkout or Checkout()
    recipe = make_recipe(profile, checkout)
    if found := errors(check_graph(recipe.models, recipe.release)):
        raise BuildError(found)
    return Steps(recipe, Sources(checkout.roots))


def _bench(cache: Cache, work: Path, progress: Progress) -> Bench:
    from builders.kit.build.making import Bench

    return Bench(cache, work, progress)


def _watched(steps: Steps, checkout: Checkout) -> stamp.Watched:
    """What can change a build or its check: all that its code leads to, families' data, tools."""
    from builders.kit.graph import PythonModel
    from builders.kit.tasks.code import versions

    recipe = steps.recipe
    families = list(recipe.profile.families)
    stages = [
        module
        for model in recipe.models
        if isinstance(model, PythonModel)
        for module in (model.stage, *model.modules)
    ]
    own = [f"{checkout.package}.{name}.family" for name in families]
    files, packages = steps.sources.files_of("builders.kit.build.build", *own, *stages)
    return stamp.Watched(files, [checkout.folder(name) for name in families], versions(packages))


def _checkpoints(recipe: Recipe) -> list[Path]:
    """The files and folders of all checkpoints."""
    watched: list[Path] = []
    for source in recipe.sources.values():
        if source.path.is_dir():
            watched.append(source.path)
        else:
            watched += [source.path.parent / name for name in source.files]
    return sorted(set(watched))


def _changed_models(before: Manifest | None, now: Manifest) -> dict[str, tuple[str, ...]]:
    """The models whose files differ from the last repository's, with those files."""
    old = before.files if before else {}
    changed: dict[str, tuple[str, ...]] = {}
    for path in sorted(old.keys() | now.files.keys()):
        name = path.partition("/")[0]
        if old.get(path) != now.files.get(path) and name in now.models:
            changed[name] = (*changed.get(name, ()), path)
    return changed
