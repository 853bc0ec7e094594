"""The command ``graph``. It imports nothing heavy before it runs."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from repository.cli.exit import failed, usage
from repository.cli.show import Json, show_json
from repository.errors import KitError


class Form(enum.StrEnum):
    """How `graph` draws."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"


def graph(
    pipeline: Annotated[str, typer.Argument(help="A pipeline, as ocr.")],
    form: Annotated[Form, typer.Option(help="Text, a Mermaid flowchart, or SVG.")] = Form.TEXT,
    as_json: Json = False,
) -> None:
    """Show a pipeline's DAG: its steps, and the tensors that join them.

    With `--json` it prints `pipeline`, `inputs`, `outputs`, each with `name`, `dtype` and `axes`,
    and the list `steps`, each with `model`, `kind`, `calls`, and from a model's own tensors to the
    pipeline's `inputs` and `outputs`.
    """
    from builders.kit.checkout import Checkout
    from builders.kit.graph import Ensemble, as_ensemble, draw

    checkout = Checkout()
    known: dict[str, Ensemble] = {}
    # A family may import what takes seconds: first the one after which pipelines are named so.
    for name in sorted(checkout.families, key=lambda name: not pipeline.startswith(name)):
        try:
            family = checkout.declared(name)
        except KitError as problem:
            raise failed(problem) from problem
        if family is not None:
            known |= {model.name: as_ensemble(model) for model in family.pipelines}
        if pipeline in known:
            break
    else:
        raise usage(f"no pipeline '{pipeline}'; there are: {', '.join(sorted(known))}")
    if as_json:
        show_json(draw.as_json(known[pipeline]))
        return
    drawers = {Form.TEXT: draw.text, Form.MERMAID: draw.mermaid, Form.SVG: draw.svg}
    typer.echo(drawers[form](known[pipeline]), nl=form is not Form.SVG)
