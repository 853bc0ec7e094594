"""The structure as tables in Markdown, and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap

from tests.structure.rooms import Room, Storey, forbidden, storeys

BEGIN, END = "<!-- structure: python -m tests.structure -->", "<!-- /structure -->"

WIDTH, GAP, MARGIN, HEAD, ROW = 980, 10, 20, 52, 30
LETTER = 6.8
"""About how wide a letter of the picture's small type is."""
_COLOURS = ("#eef3fb", "#e7f3e4", "#fff3d6", "#fbe9e7", "#ede7f6", "#e0f2f1")


def table() -> str:
    """The house's floors, for CONTRIBUTING.md."""
    house = next(storeys())
    lines = ["| folder | what it is | may import |", "|---|---|---|"]
    for index, floor in enumerate(house.floors):
        below = [each.name for lower in house.floors[index + 1 :] for each in lower]
        for each in floor:
            may = [name for name in below if name not in forbidden(each.name)]
            allowed = ", ".join(f"`{name}`" for name in may) or "none of them"
            lines.append(f"| `{each.name}/` | {each.says} | {allowed} |")
    return "\n".join(lines)


def page() -> str:
    """docs/structure.md."""
    house, *inner = storeys()
    parts = [
        "# Structure\n",
        "Drawn from the code and from the table of directions in `pyproject.toml` "
        "(`[tool.importlinter]`), by `python -m tests.structure`; `make lint` holds every import "
        "to it, and a test this page. A room imports what stands below it, never what stands "
        "beside or above it.\n",
        "![The floors of the house](structure.svg)\n",
    ]
    parts += [_rooms("The house", house), *(_rooms(f"`{each.package}/`", each) for each in inner)]
    return "\n".join(parts)


def _rooms(title: str, storey: Storey) -> str:
    lines = [f"## {title}\n", "| floor | room | what it is |", "|---|---|---|"]
    height = len(storey.floors)
    for index, floor in enumerate(storey.floors):
        for each in sorted(floor, key=lambda room: room.name):
            name = each.name.removeprefix(f"{storey.package}.")
            lines.append(f"| {height - index} | `{name}` | {each.says} |")
    return "\n".join(lines) + "\n"


def picture() -> str:
    """docs/structure.svg: the house, a row a floor, each room with its own floors in it."""
    house, *inner = storeys()
    within = {storey.package: storey.floors for storey in inner}
    boxes: list[str] = []
    top = MARGIN
    for index, floor in enumerate(house.floors):
        rows = max(len(within.get(room.name, ())) for room in floor)
        height = HEAD + ROW * rows + (GAP if rows else 0)
        width = (WIDTH - 2 * MARGIN - GAP * (len(floor) - 1)) // len(floor)
        for place, room in enumerate(floor):
            left = MARGIN + place * (width + GAP)
            boxes.append(_rectangle(left, top, width, height, _COLOURS[index % len(_COLOURS)]))
            boxes.append(_text(left + 12, top + 22, f"{room.name}/", 15, "bold"))
            boxes += [
                _text(left + 12, top + 40 + 14 * line, text, 12)
                for line, text in enumerate(wrap(room.says, int((width - 24) / LETTER))[:1])
            ]
            for row, beside in enumerate(within.get(room.name, ())):
                boxes += _chips(room, beside, left + 12, top + HEAD + ROW * row)
        top += height + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + MARGIN - GAP}" '
        'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        + "\n".join(boxes)
        + "\n</svg>\n"
    )


def _chips(room: Room, beside: Sequence[Room], left: float, top: float) -> Iterator[str]:
    """Rooms of one floor, side by side."""
    for each in beside:
        name = each.name.removeprefix(f"{room.name}.")
        width = LETTER * len(name) + 24
        yield _rectangle(left, top, width, ROW - 6, "#ffffff")
        yield _text(left + 10, top + 16, name, 12)
        left += width + 8


def _rectangle(left: float, top: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="6" '
        f'fill="{colour}" stroke="#8a94a6"/>'
    )


def _text(left: float, top: float, text: str, size: int, weight: str = "normal") -> str:
    return (
        f'<text x="{left:g}" y="{top:g}" font-size="{size}" font-weight="{weight}" '
        f'fill="#1b2430">{escape(text)}</text>'
    )
