"""The command ``graph``. It imports nothing heavy before it runs."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from builders.cli.outside import FamilyPaths, FromProfile, checkout_with
from repository.cli.exit import failed, usage
from repository.cli.naming import complete
from repository.cli.show import Json, show_json
from repository.errors import KitError

if TYPE_CHECKING:
    from builders.kit.graph import Ensemble


class Form(enum.StrEnum):
    """How `graph` draws."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"


def graph(
    pipeline: Annotated[
        str, typer.Argument(help="A pipeline, as ocr.", autocompletion=complete.pipelines)
    ],
    form: Annotated[Form, typer.Option(help="Text, a Mermaid flowchart, or SVG.")] = Form.TEXT,
    profile: FromProfile = None,
    families: FamilyPaths = None,
    as_json: Json = False,
) -> None:
    """Show a pipeline's DAG: its steps, and the tensors that join them.

    With `--json` it prints `pipeline`, `inputs`, `outputs`, each with `name`, `dtype` and `axes`,
    and the list `steps`, each with `model`, `kind`, `fused` (the models that it is made of),
    `calls`, and from a model's own tensors to the pipeline's `inputs` and `outputs`.
    """
    from builders.kit.graph import draw

    try:
        known = _of_profile(profile) if profile is not None else _declared(pipeline, families or ())
    except KitError as problem:
        raise failed(problem) from problem
    if pipeline not in known:
        more = "" if profile else "; those that a profile decides need it, as --profile demo"
        raise usage(f"no pipeline '{pipeline}'; there are: {', '.join(sorted(known))}{more}")
    if as_json:
        show_json(draw.as_json(known[pipeline]))
        return
    drawers = {Form.TEXT: draw.text, Form.MERMAID: draw.mermaid, Form.SVG: draw.svg}
    typer.echo(drawers[form](known[pipeline]), nl=form is not Form.SVG)


def _declared(pipeline: str, paths: Sequence[str]) -> dict[str, Ensemble]:
    """Pipelines of the families that can be found, until that one is among them."""
    from builders.kit.graph import as_ensemble

    checkout = checkout_with(paths)
    known: dict[str, Ensemble] = {}
    # A family may import what takes seconds: first the one after which pipelines are named so.
    for name in sorted(checkout.families, key=lambda name: not pipeline.startswith(name)):
        family = checkout.declared(name)
        if family is not None:
            known |= {model.name: as_ensemble(model) for model in family.pipelines}
        if pipeline in known:
            break
    return known


def _of_profile(profile: str) -> dict[str, Ensemble]:
    """Pipelines as a profile builds them."""
    from builders.kit.graph import Ensemble, as_ensemble
    from builders.kit.recipe.profile import load_profile
    from builders.kit.recipe.recipe import make_recipe

    recipe = make_recipe(load_profile(profile))
    names = {model.name for each in recipe.families.values() for model in each.pipelines}
    return {
        model.name: as_ensemble(model)
        for model in recipe.models
        if model.name in names or isinstance(model, Ensemble)
    }
