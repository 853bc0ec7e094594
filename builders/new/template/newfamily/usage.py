"""How the pipeline is asked, measured and sized. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from repository.usage import Largest, Question, Texts, Usage

if TYPE_CHECKING:
    from repository.arrays import Arrays

_EXAMPLES = Path(__file__).parent / "examples"


def _largest() -> Arrays:
    import io

    import numpy as np
    from PIL import Image

    file = io.BytesIO()
    Image.effect_noise((4000, 3000), 64).convert("RGB").save(file, "JPEG")
    return {"image": np.frombuffer(file.getvalue(), np.uint8)}


def _show(outputs: Arrays) -> str:
    """The labels, each with its probability."""
    pairs = zip(outputs["label"].tolist(), outputs["score"].tolist(), strict=True)
    return "\n".join(f"{score:.2f}  {label.decode()}" for label, score in pairs)


USAGE: Mapping[str, Usage] = {
    "newfamily": Usage(
        words="Tell which shape is in an image.",
        question=Question(
            inputs={"image": _EXAMPLES / "triangle.png"},
            answer={"label": Texts(("triangle", "circle", "square"))},
        ),
        requests=tuple(
            {"image": _EXAMPLES / f"{name}.png"} for name in ("circle", "square", "triangle")
        ),
        largest=Largest(words="a photograph of 4000x3000 pixels", inputs=_largest),
        file="image",
        show=_show,
    )
}
