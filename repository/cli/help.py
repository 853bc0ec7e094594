"""Help that fits 80 columns: an option's name is never cut, and no word is broken."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

_F = TypeVar("_F", bound=Callable[..., Any])

_WIDE = 16
"""Columns for an option's type, so that its name and what it does have the others."""


class _Fits:
    """Shows its options so that they fit."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        shown = copy.copy(self)
        shown.params = [_shown(each, ctx) for each in self.params]  # type: ignore[attr-defined]
        own = self.get_help_option(ctx)  # type: ignore[attr-defined]
        shown._help_option = own and _shown(own, ctx)  # type: ignore[attr-defined]
        super(_Fits, shown).format_help(ctx, formatter)  # type: ignore[misc]


class Command(_Fits, TyperCommand):
    """A command whose help fits."""


class Group(_Fits, TyperGroup):
    """A group of commands whose help fits."""


class App(typer.Typer):
    """Commands whose help fits; otherwise as typer's."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"cls": Group} | settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[_F], _F]:
        """As typer's."""
        return super().command(name, **{"cls": Command} | settings)


def _shown(parameter: Any, ctx: Any) -> Any:
    """A parameter as the help has it."""
    shown = copy.copy(parameter)
    if not isinstance(parameter, TyperOption):
        if len(parameter.display_type(ctx)) > _WIDE and parameter.type_descriptor.is_choice:
            shown.display_type_rich = lambda ctx: _filled(parameter.display_type(ctx))
        return shown
    if parameter.is_flag:
        shown.metavar = ""
    else:
        shown.metavar = _filled(_type(parameter, ctx))
        # It stands in the type.
        shown.min = shown.max = None
    if parameter.secondary_opts:
        # The two names stand one below the other: beside each other they leave no room.
        if isinstance(parameter.default, bool):
            names = parameter.opts if parameter.default else parameter.secondary_opts
            shown.default = names[0].lstrip("-")
        shown.opts = ["\n".join((*parameter.opts, *parameter.secondary_opts))]
        shown.secondary_opts = []
    return shown


def _type(option: TyperOption, ctx: Any) -> str:
    least: Any = option.min
    most: Any = option.max
    kind = option.display_type_rich(ctx=ctx) or ""
    if least is None and most is None:
        return kind
    kind = kind.replace(" range>", ">")
    if most is None:
        return f"{kind} at least {_figure(least)}"
    if least is None:
        return f"{kind} at most {_figure(most)}"
    return f"{kind} {_figure(least)} to {_figure(most)}"


def _figure(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:g}"


def _filled(text: str) -> str:
    """A type, broken only between words and choices."""
    if len(text) > _WIDE:
        text = text.replace("|", "| ")
    lines = textwrap.wrap(text, _WIDE, break_long_words=False, break_on_hyphens=False)
    return "\n".join(line.replace("| ", "|") for line in lines)
