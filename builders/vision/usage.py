"""How the vision pipelines are asked, measured and sized. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from clients.cli.search import find, similar
from clients.examples import SCENES
from repository.manifest import ManifestError, read_manifest
from repository.usage import Command, Inputs, Largest, Numbers, Question, Usage

if TYPE_CHECKING:
    from repository.arrays import Arrays

ANSWERS = Path(__file__).parent / "answers"
"""What transformers makes of the questions, with the shipped checkpoints: `python -m
training.vision known` writes it."""

QUESTION_IMAGE = SCENES / "circles.png"
QUESTION_TEXTS = ("three red circles", "a blue square left of a green star", "the word CAT")
_LONGEST = "a small purple ring and a large orange triangle below the word ZOO and the number 472 "


def _photograph(width: int = 4000, height: int = 3000) -> Arrays:
    import numpy as np

    from builders.vision.largest import Photograph

    return {"image": np.frombuffer(Photograph(width, height).encoded(), np.uint8)}


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


def _close(name: str) -> Numbers:
    """A GPU computes in fewer bits, so a server may be that far from the source."""
    return Numbers(ANSWERS / f"{name}.npy", absolute=2e-2, relative=1e-2)


USAGE: Mapping[str, Usage] = {
    "vision": Usage(
        words="See an image: embeddings for a language model, and a vector for search.",
        question=Question(
            inputs={"image": QUESTION_IMAGE}, answer={"pooled": _close("circles_pooled")}
        ),
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
        question=Question(
            inputs={"text": list(QUESTION_TEXTS)}, answer={"text_pooled": _close("captions_pooled")}
        ),
        requests=tuple({"text": [text]} for text in QUESTION_TEXTS),
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


def usage_in(repository: Path) -> Mapping[str, Usage]:
    """Of a repository's pipelines: with a checkpoint of a user's own, the answers to the questions
    are other ones, which nobody wrote down, and the largest image is what its eye takes.

    Args:
        repository: a built one; of another nothing is known.
    """
    try:
        families = read_manifest(repository).profile.get("families", {})
    except ManifestError:
        return {}
    options = families.get("vision") or {}
    if "source" not in options and "text" not in options:
        return {}
    from builders.vision.largest import largest_in

    image = largest_in(repository)
    largest = Largest(words=str(image), inputs=partial(_photograph, image.width, image.height))
    found = {name: replace(usage, question=None) for name, usage in USAGE.items()}
    return found | {"vision": replace(found["vision"], largest=largest)}
