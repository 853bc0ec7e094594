"""The structure as tables in Markdown, and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tests.structure.rooms import Room, Storey, storeys

BEGIN, END = "<!-- structure: python -m tests.structure -->", "<!-- /structure -->"

WIDTH, HEIGHT, GAP, MARGIN = 980, 62, 10, 20
_COLOURS = ("#eef3fb", "#e7f3e4", "#fff3d6", "#fbe9e7", "#ede7f6", "#e0f2f1")


def table() -> str:
    """The house's floors, for CONTRIBUTING.md."""
    house = next(storeys())
    lines = ["| folder | what it is | may import |", "|---|---|---|"]
    for index, floor in enumerate(house.floors):
        below = [f"`{each.name}`" for lower in house.floors[index + 1 :] for each in lower]
        for each in floor:
            lines.append(f"| `{each.name}/` | {each.says} | {', '.join(below) or 'none of them'} |")
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
    """docs/structure.svg: the house, a row a floor, each room with the rooms in it."""
    house, *inner = storeys()
    within = {storey.package: storey for storey in inner}
    boxes: list[str] = []
    top = MARGIN
    for index, floor in enumerate(house.floors):
        lines = max(len(list(_listed(room, within))) for room in floor)
        height = HEIGHT + 17 * lines
        width = (WIDTH - 2 * MARGIN - GAP * (len(floor) - 1)) / len(floor)
        for place, room in enumerate(floor):
            left = MARGIN + place * (width + GAP)
            boxes += _box(room, within, left, top, width, height, _COLOURS[index % len(_COLOURS)])
        top += height + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + MARGIN - GAP}" '
        'font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(boxes) + "\n</svg>\n"
    )


def _listed(room: Room, within: dict[str, Storey]) -> Iterator[str]:
    """The floors inside a room, a line each."""
    if room.name in within:
        for floor in within[room.name].floors:
            names = [each.name.removeprefix(f"{room.name}.") for each in floor]
            yield "  |  ".join(names)


def _box(
    room: Room,
    within: dict[str, Storey],
    left: float,
    top: float,
    width: float,
    height: float,
    colour: str,
) -> Iterator[str]:
    yield (
        f'<rect x="{left:g}" y="{top}" width="{width:g}" height="{height}" rx="6" '
        f'fill="{colour}" stroke="#8a94a6"/>'
    )
    rows = [(f"{room.name}/", "bold", "#1b2430"), (room.says, "normal", "#4a5568")]
    rows += [(line, "normal", "#1b2430") for line in _listed(room, within)]
    for number, (text, weight, fill) in enumerate(rows):
        size = 15 if number == 0 else 12
        y = top + 22 + 17 * number + (6 if number > 1 else 0)
        yield (
            f'<text x="{left + 12:g}" y="{y}" font-size="{size}" font-weight="{weight}" '
            f'fill="{fill}">{escape(text)}</text>'
        )
