"""The operations that stages are measured against give what the own processor gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from perf.against.pillow.operations import prepared
from perf.against.pillow.speed import FILE, PIXELS, table
from perf.errors import PerfError
from perf.measure.timing import Timing

CLIP: dict[str, Any] = {
    "kind": "fixed",
    "do_pad": False,
    "do_resize": True,
    "size": {"shortest_edge": 33},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 30},
    "rescale_factor": 1 / 255,
    "image_mean": [0.48, 0.46, 0.41],
    "image_std": [0.27, 0.26, 0.28],
}


@pytest.mark.parametrize("size", [(90, 61), (61, 90), (33, 33)])
def test_the_operations_are_those_of_transformers(size: tuple[int, int]) -> None:
    import transformers

    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, (*size, 3)).astype(np.uint8))
    theirs: Any = transformers.CLIPImageProcessorPil
    own = {key: value for key, value in CLIP.items() if key not in ("kind", "do_pad")}
    expected = theirs(**own)(image, return_tensors="np")["pixel_values"][0]
    np.testing.assert_allclose(prepared(image, CLIP), expected, rtol=0, atol=1e-6)


def test_another_kind_of_processor_is_refused() -> None:
    with pytest.raises(PerfError, match="expected a repository whose processor resizes"):
        prepared(Image.new("RGB", (3, 3)), CLIP | {"kind": "grid"})


def test_the_table_has_ratios_and_no_seconds() -> None:
    legs = {"stages": Timing((0.1, 0.1, 0.1)), "Pillow": Timing((0.2, 0.2, 0.2))}
    shown = table({PIXELS: legs, FILE: legs})
    assert "| from its pixels | 0.50 | ±0 % |" in shown and "from its file" in shown
