"""Holds a staged repository to Triton's load-time rules."""

from __future__ import annotations

from builders.kit.build.errors import BuildError
from builders.kit.build.staging import Staged
from builders.kit.graph.declarations import never_run
from repository.check.check import check_repository
from repository.findings import Finding, errors


def check(staged: Staged) -> tuple[Finding, ...]:
    """What loads, and may hurt later, and what was never run. Under which path it will be served is
    not known yet.

    Raises:
        BuildError: what does not load.
    """
    release = staged.made.plan.recipe.release
    findings = check_repository(staged.folder, release, in_place=False)
    if found := errors(findings):
        raise BuildError(found)
    return (*findings, *never_run(staged.made.plan.recipe.models))
