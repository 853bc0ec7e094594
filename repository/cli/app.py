"""The commands on a finished repository, for a program of their own and for others."""

from __future__ import annotations

from pathlib import Path

import typer

from repository.cli.check import check
from repository.cli.help import App
from repository.cli.naming.panels import CHECK
from repository.cli.sbom import sbom_for
from repository.cli.sign import sign, verify
from repository.cli.transfer import pull, push

REQUIRED = "--require-signature --public-key public.pem"


def new_app(says: str, *, completion: bool = False, epilog: str | None = None) -> typer.Typer:
    """An app as all of ours are.

    Args:
        says: what it does, in a sentence.
        completion: it can install completion into a shell.
        epilog: stands at the help's end.
    """
    return App(
        no_args_is_help=True,
        add_completion=completion,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        epilog=epilog,
        help=f"{says} Exit codes: 0 done, 1 findings or a failure, 2 wrong usage.",
    )


def add_commands(app: typer.Typer, program: str, *, image: Path | None = None) -> None:
    """Add ``check``, ``verify``, ``sign``, ``push``, ``pull`` and ``sbom``.

    Args:
        app: gets them.
        program: how it is called, as ``python -m repository``; the examples begin with it.
        image: the requirements of the serving image, if ``sbom`` gets no ``--requirements``.
    """
    for command, *examples in (
        (check, "check", "check /srv/models --triton 24.10"),
        (verify, "verify model_repository", f"verify /mnt/models {REQUIRED}"),
        (sign, "sign --key private.pem", "sign /srv/models --keyless"),
        (push, "push s3://models/ocr", "push /srv/models oci:registry.example/ocr:1"),
        (pull, f"pull s3://models/ocr /mnt/models {REQUIRED}"),
        (sbom_for(image), "sbom model_repository --out sbom.json"),
    ):
        shown = " · ".join(f"`{program} {each}`" for each in examples)
        epilog = f"Example{'s' * (len(examples) > 1)}: {shown}"
        app.command(rich_help_panel=CHECK, epilog=epilog)(command)


app = new_app("Check, verify, sign, list and move Triton model repositories.")
add_commands(app, "python -m repository")
