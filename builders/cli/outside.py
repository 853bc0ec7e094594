"""Options of commands that take a family by its name, for one that lies outside the checkout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from builders.kit.checkout import Checkout

FamilyPaths = Annotated[
    list[str] | None,
    typer.Option(
        "--family",
        metavar="path:DIR",
        help="The folder of a family outside this checkout, called as the family is, as "
        "path:./mine. Can be repeated.",
    ),
]
FromProfile = Annotated[
    str | None,
    typer.Option(
        "--profile", help="A profile, whose families and checkpoints are taken.", show_default=False
    ),
]


def checkout_with(paths: Sequence[str] | None) -> Checkout:
    """Where families lie, with those in further folders.

    Raises:
        FamilyMisplaced: a path leads to no family.
    """
    from builders.kit.checkout import Checkout
    from repository.families.places import folder_of

    folders = [folder_of(path) for path in paths or ()]
    return Checkout(code={folder.name: folder for folder in folders})
