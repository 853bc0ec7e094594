"""Page kinds that groff sets: another typesetter's faces, spacing and tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perf.against.kinds.texts import Writer


@dataclass(frozen=True)
class Manuscript:
    """A source for groff.

    Attributes:
        source: roff, with the macros of ``-ms`` and tables of tbl.
        lines: the truth, in reading order.
        dpi: that the page is drawn at.
    """

    source: str
    lines: tuple[str, ...]
    dpi: int = 110


def _flat(*requests: str) -> str:
    # No hyphenation, no page number, a short page.
    first = (".nr LL 5.5i", ".nr PO 0.4i", ".nr HM 0.3i", ".nr FM 0.3i", ".nr HY 0", ".ds CH")
    return "\n".join((*first, *requests)) + "\n"


def letter(w: Writer) -> Manuscript:
    """Paragraphs in Times, justified."""
    lines = (w.prose(4), w.prose(3))
    return Manuscript(_flat(".nr PS 11", *(f".LP\n{line}" for line in lines)), lines)


def paper(w: Writer) -> Manuscript:
    """A title, then two columns."""
    title, left = f"Animals of {w.fill('town')}", w.prose(6)
    return Manuscript(_flat(".nr PS 10", f".TL\n{title}", ".2C", f".LP\n{left}"), (title, left))


def manual(w: Writer) -> Manuscript:
    """Options in bold with their explanations, in Courier."""
    rows = [(f"--{w.pick('level port rate size depth')}", w.sentence()) for _ in range(4)]
    source = _flat(".fam C", ".nr PS 10", *(f'.IP "\\fB{a}\\fP" 10\n{b}' for a, b in rows))
    return Manuscript(source, tuple(f"{a} {b}" for a, b in rows))


def boxed_table(w: Writer) -> Manuscript:
    """A table of tbl's with rules around every cell."""
    rows = [["Station", "Depth", "Salt", "Year"]]
    rows += [
        [w.fill("town"), w.price(2, 60), str(w.integer(1, 9)), w.fill("year")] for _ in "abcde"
    ]
    body = "\n".join("\t".join(row) for row in rows)
    return Manuscript(
        _flat(f".TS\nallbox expand;\nl r r r.\n{body}\n.TE"), tuple(" ".join(row) for row in rows)
    )


def helvetica(w: Writer) -> Manuscript:
    """Small Helvetica, as data sheets are set."""
    lines = (w.prose(5),)
    return Manuscript(_flat(".fam H", ".nr PS 8", f".LP\n{lines[0]}"), lines, 100)


MANUSCRIPTS: dict[str, Callable[[Writer], Manuscript]] = {
    "groff_letter": letter,
    "groff_paper": paper,
    "groff_manual": manual,
    "groff_table": boxed_table,
    "groff_helvetica": helvetica,
}
"""Every kind that groff sets, by name."""
