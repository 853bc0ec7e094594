"""Images so narrow that nothing of them would be left."""

from __future__ import annotations

import pytest

from builders.kit.invalid_argument import InvalidArgument
from builders.vision.stages.processors import pixels


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1)])
def test_a_side_of_no_pixel_is_refused_in_a_sentence(size: tuple[int, int]) -> None:
    asked = {"shortest_edge": 224, "longest_edge": 448}
    with pytest.raises(InvalidArgument, match=r"no width or no height .* 896 times as long"):
        pixels.target(asked, size)
    assert pixels.target(asked, (2, 1600)) == (1, 448)
