"""How the toy is asked, measured and sized."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from repository.usage import Inputs, Largest, Numbers, Question, Usage

if TYPE_CHECKING:
    from repository.arrays import Array

HERE = Path(__file__).parent


def read(file: Path) -> Inputs:
    return {"x": json.loads(file.read_text())["x"]}


def thousand() -> Array:
    import numpy as np

    return np.linspace(-1, 1, 1000, dtype=np.float32)


USAGE = {
    "toy": Usage(
        words="Double each number and add one.",
        question=Question(
            inputs=read(HERE / "evaluation" / "inputs.json"),
            answer={"y": Numbers([3, 5, 7], absolute=1e-5)},
        ),
        requests=({"x": [0.5, 1, 2]}, {"x": thousand}),
        largest=Largest(words="a thousand numbers", inputs=lambda: {"x": thousand()}),
        file=read,
        show=lambda outputs: " ".join(f"{each:g}" for each in outputs["y"].tolist()),
    )
}
