"""What a build would do, and why, without doing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from builders.kit.build.gates import lacking, measure
from builders.kit.build.making import make_exports
from builders.kit.build.plan import make_plan
from builders.kit.build.staging import Staged, foresee
from builders.kit.build.stamp import Stamp
from builders.kit.checkout import Checkout
from builders.kit.emit.target import Target
from builders.kit.graph import GivenModel
from builders.kit.recipe.fusing import Fusing
from builders.kit.recipe.profile import Profile
from builders.kit.recipe.recipe import make_recipe
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.code import CodeReader
from builders.kit.tasks.runner import Done, Make, Note
from builders.kit.tasks.task import Task
from repository.manifest import Manifest, ManifestError, read_manifest, verify

Action = Literal["build", "cached", "depends", "write", "keep", "leave"]


@dataclass(frozen=True)
class Foreseen:
    """What would become of one task.

    Attributes:
        name: the task's name.
        action: "build" runs it, "cached" has its result; "depends" is decided by the tasks it
            follows; "write" and "keep" are about a model's folder in the repository; "leave" leaves
            out what needs a checkpoint that nobody names.
        why: the reason.
        seconds: how long it took when it last ran; 0 if that is not known.
    """

    name: str
    action: Action
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class DryRun:
    """What a build would do.

    Attributes:
        tasks: every task, in order.
        fusing: which models are made of neighbours, and which neighbours stay apart.
    """

    tasks: tuple[Foreseen, ...]
    fusing: Fusing


@dataclass(frozen=True)
class _Looker:
    """Finds the results that there are, and makes none.

    Attributes:
        cache: where they are kept.
        seen: what would become of each task that was looked for, by its name.
    """

    cache: Cache
    seen: dict[str, Foreseen] = field(default_factory=dict)

    def run(self, task: Task, make: Make, note: Note = str) -> Done | None:
        entry = self.cache.peek(task.kind, task.key)
        if entry is None:
            self.seen[task.name] = Foreseen(task.name, "build", task.why(self.cache))
            return None
        self.seen[task.name] = Foreseen(task.name, "cached", seconds=entry.seconds)
        return Done(task, entry, built=False)


def dry_run(
    profile: Profile,
    out: Path,
    *,
    cache: Cache | None = None,
    checkout: Checkout | None = None,
) -> DryRun:
    """Every task of a build, and whether it would run.

    Args:
        profile: what would be built.
        out: the repository's folder.
        cache: as in :func:`builders.kit.build.build.build`.
        checkout: as there.

    Raises:
        BuildError: the graph is wrong.
        ProfileError: the profile asks for what is not there, or of a form that cannot be built.
        TargetError: the folder is not one to build into.
    """
    cache, target = cache or Cache(), Target(out)
    checkout = (checkout or Checkout()).with_code(profile.code)
    target.refuse_strangers(Stamp(cache, target.out, profile).files_built())
    looker = _Looker(cache)
    recipe = make_recipe(profile, checkout)
    code = CodeReader(checkout.roots, checkout.packages(profile.families))
    plan = make_plan(recipe, code)
    made = make_exports(plan, looker)
    staged = foresee(made, target.staging)
    measure(staged, looker)
    tasks = (
        *_tasks(staged, looker),
        *_models(staged, _files_now(target.out)),
        *(
            Foreseen(str(left), "leave", f"no checkpoint: {left.remedy}")
            for left in plan.recipe.left_out
        ),
    )
    return DryRun(tasks, recipe.fusing)


def _tasks(staged: Staged, looker: _Looker) -> Iterator[Foreseen]:
    """Every task; one that was not looked for waits for another."""
    made, plan = staged.made, staged.made.plan
    for subject in plan.exports:
        missing = [each for each in plan.recipe.bases_of(subject) if each not in made.exports]
        waits = f"follows export {', '.join(missing) or subject}"
        for kind, tasks in (("export", plan.exports), ("parity", plan.parities)):
            if subject in tasks:
                name = f"{kind} {subject}"
                yield looker.seen.get(name) or Foreseen(name, "depends", waits)
    for family in plan.recipe.families.values():
        for metric in family.metrics:
            name = plan.metrics[f"{family.name}/{metric.name}"].name
            waits = f"follows export {', '.join(lacking(metric, staged))}"
            yield looker.seen.get(name) or Foreseen(name, "depends", waits)


def _models(staged: Staged, old: dict[str, str]) -> Iterator[Foreseen]:
    """What would become of each model's folder.

    Args:
        staged: what would be there.
        old: the SHA-256 of what is there, by path.
    """
    recipe = staged.made.plan.recipe
    new = {path: file.sha256 for path, file in staged.files.items()}
    for model in recipe.models:
        needed = recipe.exports_of(model).values()
        missing = [each for each in needed if each not in staged.made.exports]
        foreseen = _model(model.name, missing, new, old)
        if isinstance(model, GivenModel):
            told = f"never run here, as only {model.image} can"
            foreseen = replace(foreseen, why="; ".join(filter(None, (foreseen.why, told))))
        yield foreseen
    names = {model.name for model in recipe.models}
    for name in sorted({path.partition("/")[0] for path in old} - names):
        yield Foreseen(f"model {name}", "write", "removed: no longer in the graph")


def _files_now(out: Path) -> dict[str, str]:
    """The files of the present repository that are as they were built."""
    try:
        manifest: Manifest = read_manifest(out)
    except ManifestError:
        return {}
    wrong = {finding.where for finding in verify(out)}
    return {name: file.sha256 for name, file in manifest.files.items() if name not in wrong}


def _model(name: str, missing: list[str], new: dict[str, str], old: dict[str, str]) -> Foreseen:
    prefix = f"{name}/"
    now = {path: sha256 for path, sha256 in new.items() if path.startswith(prefix)}
    before = {path: sha256 for path, sha256 in old.items() if path.startswith(prefix)}
    if missing:
        return Foreseen(f"model {name}", "depends", f"follows export {', '.join(missing)}")
    if not before:
        return Foreseen(f"model {name}", "write", "new")
    changed = sorted(
        path for path in now.keys() | before.keys() if now.get(path) != before.get(path)
    )
    if not changed:
        return Foreseen(f"model {name}", "keep")
    return Foreseen(f"model {name}", "write", f"changed: {', '.join(changed)}")
