"""Runs one task of a build again, to look into its failure."""

from __future__ import annotations

from builders.kit.build.errors import BuildError
from builders.kit.build.gates import hold_to_bounds, measure
from builders.kit.build.making import make_exports
from builders.kit.build.plan import Plan, make_plan
from builders.kit.build.staging import stage
from builders.kit.checkout import Checkout
from builders.kit.recipe.profile import Profile, ProfileError
from builders.kit.recipe.recipe import make_recipe
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.code import CodeReader
from builders.kit.tasks.progress import Progress, Silent
from builders.kit.tasks.runner import Worker
from repository.files.yaml_file import suggest
from repository.manifest.schema import finding


def reproduce(
    profile: Profile,
    task: str,
    progress: Progress | None = None,
    *,
    cache: Cache | None = None,
    checkout: Checkout | None = None,
) -> None:
    """Run one task and those that it needs. Its error is raised unchanged, with its traceback.

    Args:
        profile: the profile of the build that failed.
        task: the task's name, as "export ocr/detector", "parity ocr/detector" or
            "metric ocr/character_error_rate".
        progress: is told of every task.
        cache: as in :func:`builders.kit.build.build.build`.
        checkout: as there.

    Raises:
        ProfileError: there is no such task; the message lists those there are.
        Exception: whatever the task raises.
    """
    cache, checkout = cache or Cache(), (checkout or Checkout()).with_code(profile.code)
    recipe = make_recipe(profile, checkout)
    code = CodeReader(checkout.roots, checkout.packages(profile.families))
    plan = make_plan(recipe, code)
    _refuse_unknown(task, plan)
    kind, _, subject = task.partition(" ")
    try:
        with cache.work() as work:
            worker = Worker(cache, work, progress or Silent())
            made = make_exports(plan, worker, None if kind == "metric" else [subject])
            if kind == "metric":
                folder = work / "repository"
                folder.mkdir()
                hold_to_bounds(measure(stage(made, folder), worker))
    except BuildError as error:
        if (cause := error.__cause__) is None:
            raise
        # With its own cause: for a user's function, that has the user's lines.
        raise cause from cause.__cause__


def _refuse_unknown(task: str, plan: Plan) -> None:
    known = [f"{kind} {name}" for kind in ("export", "parity") for name in plan.exports]
    known += [f"metric {name}" for name in plan.metrics]
    if task not in known:
        expected, remedy = f"one of {', '.join(known)}", suggest(task, known)
        raise ProfileError([finding("task", "the task", expected, task, remedy, ("task",))])
