"""From the options of a profile to the family's pipelines, by what the checkpoint is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from builders.errors import FamilyError
from builders.kit.family import Conditions, Family
from builders.kit.graph import Ensemble
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.read import read_eye
from builders.vision.options import VisionOptions
from builders.vision.pipelines import fixed
from repository.errors import KitError
from repository.findings import Finding, finding_of

PIPELINES: Mapping[str, Callable[[Eye, VisionOptions], Ensemble]] = {"fixed": fixed.pipeline}
"""Kind of tower -> what makes the pipeline ``vision``."""


def make(options: VisionOptions, conditions: Conditions) -> Family:
    """The family of a profile's checkpoints.

    Args:
        options: what the profile says.
        conditions: what else it does.

    Raises:
        FamilyError: a checkpoint cannot be served as the profile asks; all that is wrong.
    """
    findings: list[Finding] = []
    pipelines: list[Ensemble] = []
    try:
        eye = read_eye(conditions.checkpoint(options.source))
        pipelines.append(PIPELINES[eye.kind](eye, options))
    except KitError as error:
        findings += _told(error, conditions.place("source"))
    if findings:
        raise FamilyError(findings)
    return Family(
        name="vision",
        sources={"vision": options.source},
        pipelines=tuple(pipelines),
        metrics=(),
    )


def _told(error: KitError, at: str) -> list[Finding]:
    found = str(error).rstrip(".")
    return [*(error.findings or [finding_of("vision", at, "", found, "Or name another source.")])]
