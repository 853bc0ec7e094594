"""How exports of towers are declared and compared, whatever the kind of tower."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from builders.kit.export import Export, Form, Make, Parity
from builders.kit.onnx.torch import DEFAULT_OPSET
from builders.vision.checkpoint.read import read_eye
from repository.arrays import Arrays

if TYPE_CHECKING:
    import torch

BATCHES = (2, 1, 5)
"""Images or tiles in the export's own call, then in two that it never saw."""


def exported(
    name: str,
    make: Make,
    reference: Callable[[Path, Arrays], Arrays],
    inputs: Callable[[], Sequence[Arrays]],
    *,
    source: str = "vision",
    form: Form = read_eye,
    options: Mapping[str, bool] | None = None,
) -> Export:
    """An ONNX file that torch makes, near to what transformers gives.

    Args:
        name: the export's.
        make: writes the file.
        reference: transformers' own answer.
        inputs: what both are asked, the export's own shapes first.
        source: the family's checkpoint that it is made from.
        form: looks at that checkpoint before anything is made.
        options: what else decides the file.
    """
    return Export(
        name=name,
        source=source,
        make=make,
        options={"opset": DEFAULT_OPSET, **(options or {})},
        parity=Parity(reference=reference, inputs=inputs, absolute={}, relative=1e-4),
        form=form,
    )


def noise(name: str, shapes: Sequence[tuple[int, ...]]) -> Sequence[Arrays]:
    """Noise like normalised pixels, or like a tower's features: an FP32 input in those shapes."""
    random = np.random.default_rng(7)
    return [{name: random.standard_normal(shape, np.float32)} for shape in shapes]


def tensors(arrays: Arrays) -> dict[str, torch.Tensor]:
    """Arrays as torch has them; they share their memory."""
    import torch

    return {name: torch.from_numpy(each) for name, each in arrays.items()}
