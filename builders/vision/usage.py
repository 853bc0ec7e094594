"""How the vision pipelines are asked, measured and sized. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clients.cli.search import find, similar
from clients.examples import SCENES
from repository.usage import Command, Inputs, Largest, Usage

if TYPE_CHECKING:
    from repository.arrays import Arrays

_TEXTS = ("three red circles", "a blue square left of a green star", "the word CAT")
_LONGEST = "a small purple ring and a large orange triangle below the word ZOO and the number 472 "


def _photograph() -> Arrays:
    import numpy as np

    from builders.vision.largest import photograph

    return {"image": np.frombuffer(photograph(), np.uint8)}


def _many_texts() -> Arrays:
    import numpy as np

    return {"text": np.array([(_LONGEST * 5).encode()] * 64, np.object_)}


def _lines_of(file: Path) -> Inputs:
    """A text for each line of a file."""
    return {"text": [line for line in file.read_text("utf-8").splitlines() if line.strip()]}


def _shown(outputs: Arrays) -> str:
    """The size of each output, and its first numbers."""
    return "\n".join(
        f"{name}: {' x '.join(map(str, array.shape))}, "
        + " ".join(f"{each:.3f}" for each in array.reshape(-1)[:6].tolist())
        + " …"
        for name, array in outputs.items()
    )


USAGE: Mapping[str, Usage] = {
    "vision": Usage(
        words="See an image: embeddings for a language model, and a vector for search.",
        requests=tuple(
            {"image": SCENES / f"{name}.png"} for name in ("circles", "square", "word", "number")
        ),
        largest=Largest(words="a photograph of 4000x3000 pixels", inputs=_photograph),
        file="image",
        show=_shown,
        command=Command(
            run=similar,
            examples="`python -m clients similar photo.jpg --images photos` · "
            "`python -m clients similar photo.jpg --images photos --json | jq -r '.[0].file'`",
        ),
    ),
    "vision_text": Usage(
        words="Read captions: vectors that are near those of the images they fit.",
        requests=tuple({"text": [text]} for text in _TEXTS),
        largest=Largest(words="64 texts that are cut at the model's end", inputs=_many_texts),
        file=_lines_of,
        show=_shown,
        command=Command(
            run=find,
            examples="`python -m clients find 'three red circles' --images photos` · "
            "`python -m clients find 'the word ZOO' --images photos --top 3`",
        ),
    ),
}
