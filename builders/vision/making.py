"""From the options of a profile to the family's pipelines, by what the checkpoints are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from builders.errors import FamilyError
from builders.kit.family import Conditions, Family
from builders.kit.graph import Ensemble
from builders.scenes import SHIPPED, scenes_at
from builders.vision.checkpoint.caption import read_caption
from builders.vision.checkpoint.eye import Eye, Kind
from builders.vision.checkpoint.read import read_eye
from builders.vision.metric import metrics
from builders.vision.options import DEMO, VisionOptions
from builders.vision.pipelines import caption, fixed, grid, naflex, tiled
from repository.errors import KitError
from repository.findings import Finding, finding_of

PIPELINES: Mapping[Kind, Callable[[Eye, VisionOptions], Ensemble]] = {
    "fixed": fixed.pipeline,
    "naflex": naflex.pipeline,
    "tiled": tiled.pipeline,
    "grid": grid.pipeline,
}
"""Kind of tower -> what makes the pipeline ``vision``."""


SEES: Mapping[Kind, str] = {
    "fixed": "sees images of one size",
    "naflex": "sees patches of any aspect ratio, filled up to a fixed number",
    "tiled": "sees an image in tiles",
    "grid": "sees an image in patches of a grid",
}
"""Kind of eye -> what it does, in words."""

HAVE: Mapping[str, tuple[str, Callable[[Eye, VisionOptions], bool]]] = {
    "interpolate": (SEES["fixed"], lambda eye, _: eye.kind == "fixed"),
    "maximum_tiles": (SEES["tiled"], lambda eye, _: eye.kind == "tiled"),
    "maximum_patches": (
        f"{SEES['grid']}, or that interpolates",
        lambda eye, options: eye.kind == "grid" or fixed.interpolates(eye, options),
    ),
}
"""An option -> the eyes that have it: what they do, in words, and whether one is of them."""


def make(options: VisionOptions, conditions: Conditions) -> Family:
    """The family of a profile's checkpoints.

    Args:
        options: what the profile says.
        conditions: what else it does.

    Raises:
        FamilyError: a checkpoint cannot be served as the profile asks; all that is wrong.
    """
    findings: list[Finding] = []
    eye: Eye | None = None
    pipelines: list[Ensemble] = []
    sources = {"vision": options.source}
    try:
        eye = read_eye(conditions.checkpoint(options.source))
        findings += _without_effect(eye, options, conditions)
        pipelines.append(PIPELINES[eye.kind](eye, options))
    except KitError as error:
        findings += _told(error, conditions.place("source"))
    text = options.text or (options.source if eye is not None and eye.text else None)
    if text is not None:
        at = conditions.place("text" if options.text else "source")
        sources["text"] = text
        try:
            found = read_caption(conditions.checkpoint(text))
            pipelines.append(caption.pipeline(found))
            if eye is not None and found.pooled != eye.pooled:
                expected = f"texts in the space of images, {eye.pooled} numbers each"
                remedy = "Name the text tower that the eye was trained with."
                findings.append(finding_of("vision", at, expected, str(found.pooled), remedy))
        except KitError as error:
            findings += _told(error, at)
    scenes: Path | None = SHIPPED if options.source == DEMO else None
    if options.evaluation is not None:
        try:
            scenes = scenes_at(options.evaluation, conditions.folder)
        except KitError as error:
            findings += _told(error, conditions.place("evaluation"))
    if findings:
        raise FamilyError(findings)
    assert eye is not None
    return Family(
        name="vision",
        sources=sources,
        pipelines=tuple(pipelines),
        metrics=metrics(
            eye.path,
            scenes,
            texts=text is not None,
            # Of other kinds, the questions would have to show the image's tokens in other ways.
            answers=eye.projects and eye.kind == "fixed",
        )
        if scenes
        else (),
    )


def _without_effect(eye: Eye, options: VisionOptions, conditions: Conditions) -> list[Finding]:
    """The options that the profile sets, and that this kind of eye does not have."""
    found = f"{eye.architecture}, which {SEES[eye.kind]}"
    return [
        finding_of(
            "vision",
            conditions.place(option),
            f"an eye that {words}, as no other has this option",
            found,
            "Leave the option out.",
        )
        for option, (words, has) in HAVE.items()
        if option in options.model_fields_set
        and getattr(options, option) is not None
        and not has(eye, options)
    ]


def _told(error: KitError, at: str) -> list[Finding]:
    found = str(error).rstrip(".")
    return [*(error.findings or [finding_of("vision", at, "", found, "Or name another source.")])]
