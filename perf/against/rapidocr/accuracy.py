"""Character errors, ours and RapidOCR's: ``python -m perf.against.rapidocr.accuracy``.

Both read the same rendered pages (:mod:`perf.against.pages.conditions`) with the same weights.
RapidOCR runs as its package configures it, but on one thread: the other core reads with ours
meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rapidfuzz.distance import Levenshtein

from perf.against.bench import Repository, write
from perf.against.pages.conditions import EVALUATION_SEED, HELD_OUT_SEED, page_set
from perf.against.pages.drawn import Page
from perf.against.rapidocr.readers import Read, pipeline
from perf.paths import REPOSITORY, RESULTS


@dataclass(frozen=True)
class Outcome:
    """How many characters of a page, or of several, each pipeline has wrong."""

    name: str
    condition: str
    characters: int
    ours: int
    theirs: int

    def __str__(self) -> str:
        ours, theirs = self.ours / self.characters, self.theirs / self.characters
        return f"{self.name:24} {self.characters:5} characters  {ours:7.2%}  RapidOCR {theirs:7.2%}"


def edits(expected: str, read: str) -> int:
    """Character edits, every run of white space counting as one space."""
    return Levenshtein.distance(_plain(expected), _plain(read))


def compare(pages: Sequence[Page], read: Read) -> list[Outcome]:
    """Reads every page with both pipelines.

    Args:
        pages: with their texts, line ends standing for the reading order.
        read: ours.
    """
    from rapidocr import RapidOCR
    from rapidocr.utils.output import RapidOCROutput

    one_thread = {"EngineConfig.onnxruntime.intra_op_num_threads": 1}
    rapid = RapidOCR(params={"Global.log_level": "error", **one_thread})

    def theirs(page: Page) -> str:
        blue_first = np.ascontiguousarray(np.asarray(page.image)[:, :, ::-1])
        answer = rapid(blue_first)
        assert isinstance(answer, RapidOCROutput), "it was asked for texts"
        return "\n".join(answer.txts or ())

    with ThreadPoolExecutor() as pool:
        their_texts = pool.submit(lambda: [theirs(page) for page in pages])
        our_texts = ["\n".join(read(page.png())) for page in pages]
    return [
        Outcome(
            page.name,
            page.condition,
            len(_plain(page.text)),
            edits(page.text, our_text),
            edits(page.text, their_text),
        )
        for page, our_text, their_text in zip(pages, our_texts, their_texts.result(), strict=True)
    ]


def total(outcomes: Sequence[Outcome], name: str) -> Outcome:
    """Several pages as one."""
    sums = (sum(getattr(each, field) for each in outcomes) for field in _COUNTS)
    return Outcome(f"{name} ({len(outcomes)})", name, *sums)


def table(outcomes: Sequence[Outcome], held_out: Sequence[Outcome]) -> str:
    """Error by condition, as Markdown."""
    rows = ["| pages | ours | RapidOCR | ours, held out | RapidOCR, held out |", "|---" * 5 + "|"]
    for name in [*dict.fromkeys(each.condition for each in outcomes), "all"]:
        figures = []
        for pages in (outcomes, held_out):
            one = total([each for each in pages if name in (each.condition, "all")], name)
            figures += [f"{side / one.characters:.2%}" for side in (one.ours, one.theirs)]
        count = sum(name in (each.condition, "all") for each in outcomes)
        rows.append(f"| {name} ({count}) | {' | '.join(figures)} |")
    return "\n".join(rows) + "\n"


def main(
    repository: Repository = REPOSITORY,
    out: Annotated[Path, typer.Option(help="Folder for ocr_accuracy.md.")] = RESULTS,
) -> None:
    """Compare whole-page character errors, reading order included, and write the table."""
    read = pipeline(repository)
    sets = [compare(page_set(seed), read) for seed in (EVALUATION_SEED, HELD_OUT_SEED)]
    text = table(*sets)
    write(out, "ocr_accuracy", text)
    typer.echo(text)


_COUNTS = ("characters", "ours", "theirs")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


if __name__ == "__main__":
    typer.run(main)
