"""Builds a repository from a profile: each task once, the folder whole or not at all.

:func:`_phases` is its story. What is in the cache is not made again. Where nothing changed since
the last build not even the families are loaded: so this module imports little by itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from builders.kit.build.errors import BuildError, disk_full_told
from builders.kit.build.stamp import Stamp
from builders.kit.checkout import Checkout
from builders.kit.emit.target import Target, TargetError
from builders.kit.recipe.profile import Profile
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.progress import Progress, Silent
from builders.kit.tasks.runner import Worker
from repository.findings import Finding
from repository.manifest import Manifest

__all__ = ["BuildError", "Result", "TargetError", "build"]


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
        progress: is told of every task.
        cache: where results are kept; the user's cache if not given.
        checkout: where families lie; this checkout if not given.

    Returns:
        The repository, built or found as it should be.

    Raises:
        BuildError: something is wrong; the old repository is untouched.
        ProfileError: the profile asks for what is not there.
        TargetError: the folder is not one to build into.
    """
    began = time.monotonic()
    target, cache, progress = Target(out), cache or Cache(), progress or Silent()
    stamp = Stamp(cache, target.out, profile)

    def unchanged() -> Result | None:
        if (manifest := stamp.current()) is None:
            return None
        seconds = time.monotonic() - began
        return Result(target.out, manifest, False, frozenset(), (), seconds)

    cache.sweep()
    with disk_full_told(target.out.parent, cache.root):
        target.tidy(progress.message)
        if result := unchanged():
            return result
        target.refuse_strangers(stamp.files_built())
        with target.locked(progress.message), cache.work() as work:
            # Another build may have done it while this one waited.
            result = unchanged() or _phases(
                profile,
                (checkout or Checkout()).with_code(profile.code),
                target,
                stamp,
                Worker(cache, work, progress),
                began,
            )
        cache.prune()
    return result


def _phases(
    profile: Profile, checkout: Checkout, target: Target, stamp: Stamp, worker: Worker, began: float
) -> Result:
    """A build from its profile to the repository: each phase takes what the one before gave."""
    from builders.kit.build.checking import check
    from builders.kit.build.gates import hold_to_bounds, measure
    from builders.kit.build.making import make_exports
    from builders.kit.build.plan import make_plan
    from builders.kit.build.staging import stage
    from builders.kit.build.swapping import swap_in
    from builders.kit.recipe.recipe import make_recipe
    from builders.kit.tasks.code import CodeReader

    recipe = make_recipe(profile, checkout)
    code = CodeReader(checkout.roots, checkout.packages(profile.families))
    plan = make_plan(recipe, code)
    watched = stamp.watch(recipe, checkout, code)  # before the rest: code may be edited meanwhile
    made = make_exports(plan, worker)
    staged = stage(made, target.stage())
    warnings = check(staged)
    measured = hold_to_bounds(measure(staged, worker))
    swapped = swap_in(measured, target, worker.progress, began)
    stamp.write(watched, swapped.manifest.tools)
    seconds = time.monotonic() - began
    return Result(target.out, swapped.manifest, swapped.changed, swapped.built, warnings, seconds)
