"""How the OCR pipeline is asked, measured and sized. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clients.cli.ocr import ocr
from clients.examples import PAGE, PAGE_TEXT
from repository.usage import (
    ClientOption,
    Command,
    Input,
    Inputs,
    Largest,
    Question,
    Texts,
    Usage,
)

if TYPE_CHECKING:
    from repository.arrays import Arrays

_REQUESTS = Path(__file__).parent / "requests"
_DEFAULTS: Mapping[str, Input] = {
    "minimum_score": [0.5],
    "maximum_side": [2000],
    "orientation": [True],
}
"""What the pipeline does without them; perf_analyzer's shared memory wants every input."""


def _page(file: Path) -> Inputs:
    return {"image": file, **_DEFAULTS}


def _largest() -> Arrays:
    import numpy as np

    from builders.ocr.largest import page_of_text

    return {"image": np.frombuffer(page_of_text(), np.uint8)}


def _lines(outputs: Arrays) -> str:
    """The lines of text in reading order, each with how sure it is."""
    return "\n".join(
        f"{score:.2f}  {text.decode('utf-8')}"
        for text, score in zip(outputs["text"].tolist(), outputs["scores"].tolist(), strict=True)
    )


USAGE: Mapping[str, Usage] = {
    "ocr": Usage(
        words="Read the text of a page.",
        question=Question(inputs={"image": PAGE}, answer={"text": Texts(PAGE_TEXT)}),
        # Two columns, scanned askew; a typed letter; a notice.
        requests=tuple(map(_page, (PAGE, _REQUESTS / "letter.png", _REQUESTS / "notice.jpg"))),
        largest=Largest(words="a page of text of 4000x3000 pixels", inputs=_largest),
        file="image",
        options=(
            ClientOption(
                "minimum_score", "Leave out lines with a lower score, 0 to 1; by default 0.5."
            ),
            ClientOption("maximum_side", "Longest side, in pixels, at which text is looked for."),
            ClientOption("orientation", "Find out which way up the page is."),
            ClientOption("only_pages", "Read these pages of the file alone."),
        ),
        show=_lines,
        command=Command(
            run=ocr,
            examples="`python -m clients ocr page.png` · "
            "`python -m clients ocr page.png --draw out.png` · "
            "`python -m clients ocr letter.pdf --markdown --page 2` · "
            "`python -m clients ocr page.png --json | jq '.[].text'`",
        ),
    )
}
