"""Pieces of HTML; whatever is foreign goes through :func:`esc`."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from perf.judge.modes import name_of
from perf.judge.words import clean
from perf.result import Mode, Result


def esc(text: object) -> str:
    """Foreign text for content and attributes, with no character that XML forbids."""
    return html.escape(clean(text))


def swatch(result: Result, mode: Mode) -> str:
    """A mode's label behind a spot of its colour."""
    label = esc(name_of(result, mode).label)
    return f'<i class="swatch" style="background:var(--{mode})"></i>{label}'


def table(head: Sequence[str], body: Iterable[str]) -> str:
    """A table in a box that scrolls by itself; cells of the head are HTML."""
    cells = "".join(f'<th scope="col">{each}</th>' for each in head)
    rows = "\n".join(body)
    return (
        f'<div class="scroll"><table><thead><tr>{cells}</tr></thead>\n'
        f"<tbody>{rows}</tbody></table></div>"
    )


def row(head: str, cells: Iterable[str], kind: str = "") -> str:
    """A row whose first cell names it; cells are HTML, of one CSS class."""
    css = f' class="{kind}"' if kind else ""
    return (
        f'<tr><th scope="row">{head}</th>{"".join(f"<td{css}>{each}</td>" for each in cells)}</tr>'
    )


def group(title: str, columns: int) -> str:
    """A row that heads those beneath it."""
    return f'<tr class="group"><th colspan="{columns}">{title}</th></tr>'


def pairs(values: dict[str, str]) -> str:
    """Names and values, both foreign."""
    return table(
        ("", ""), [row(esc(name), [esc(value)], "wrap") for name, value in values.items()]
    ).replace("<thead><tr>", "<thead hidden=''><tr>")


def section(name: str, title: str, body: str) -> str:
    """A section that the list of contents can lead to."""
    return f'<section id="{name}"><h2>{title}</h2>\n{body}</section>'
