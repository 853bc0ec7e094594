"""What a tower of grids takes beside the patches, against transformers' own functions."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.vision.stages import grid
from repository.arrays import Array


@st.composite
def cases(draw: st.DrawFn) -> tuple[Array, int]:
    """The grids of one image or several, and the side of a token."""
    merge = draw(st.integers(1, 3))
    sizes = st.tuples(st.integers(1, 3), st.integers(1, 14), st.integers(1, 14))
    grids = np.array(draw(st.lists(sizes, min_size=1, max_size=4)), np.int64)
    grids[:, 1:] *= merge
    return grids, merge


@settings(max_examples=30, deadline=None)
@given(cases())
def test_each_patch_has_the_row_and_column_that_transformers_gives_it(
    case: tuple[Array, int],
) -> None:
    import torch
    from transformers.vision_utils import get_vision_position_ids

    grids, merge = case
    expected = get_vision_position_ids(torch.from_numpy(grids), merge).numpy()
    np.testing.assert_array_equal(grid.positions(grids, merge), expected)


@settings(max_examples=30, deadline=None)
@given(cases())
def test_segments_are_the_pieces_that_transformers_cuts_attention_into(
    case: tuple[Array, int],
) -> None:
    import torch
    from transformers.vision_utils import get_vision_cu_seqlens

    grids, _ = case
    bounds = get_vision_cu_seqlens(torch.from_numpy(grids)).numpy()
    table = grid.segments(grids)
    assert len(table) == len(bounds) - 1
    for row, first, end in zip(table, bounds, bounds[1:], strict=False):
        np.testing.assert_array_equal(row[row != grid.FILL], np.arange(first, end))
    _stand_in(table, int(bounds[-1]))


@settings(max_examples=30, deadline=None)
@given(cases(), st.integers(1, 5))
def test_windows_are_those_of_transformers(case: tuple[Array, int], side: int) -> None:
    import torch
    from transformers.vision_utils import get_vision_window_index

    grids, merge = case
    order, bounds = get_vision_window_index(
        torch.from_numpy(grids), merge, window_size=side * merge * 8, patch_size=8
    )
    unit = merge * merge
    patches = (order.numpy()[:, None] * unit + np.arange(unit)).reshape(-1)
    table = grid.windows(grids, merge, side)
    assert table.shape == (len(bounds) - 1, side * side * unit)
    for row, first, end in zip(table, bounds.tolist(), bounds.tolist()[1:], strict=False):
        np.testing.assert_array_equal(row[row != grid.FILL], patches[first:end])
    _stand_in(table, len(patches))


@settings(max_examples=30, deadline=None)
@given(cases(), st.integers(1, 49))
def test_position_embeddings_are_weighted_as_by_transformers(
    case: tuple[Array, int], side: int
) -> None:
    import torch
    from transformers.vision_utils import get_vision_interpolation_indices_and_weights

    grids, merge = case
    numbers, weights = grid.corners(grids, merge, side)
    expected = get_vision_interpolation_indices_and_weights(
        torch.from_numpy(grids), side, align_corners=True, spatial_merge_size=merge
    )
    np.testing.assert_array_equal(numbers, expected[0].numpy())
    np.testing.assert_array_equal(weights, expected[1].numpy())
    assert weights.dtype == np.float32


@settings(max_examples=30, deadline=None)
@given(cases(), st.integers(0, 4), st.integers(0, 9))
def test_arrays_are_by_tokens_and_of_the_types_that_the_graph_takes(
    case: tuple[Array, int], window: int, table: int
) -> None:
    grids, merge = case
    found = grid.arrays(grids, merge, window, table)
    tokens = int(grids.prod(1).sum()) // merge**2
    by_table = {"segments", "windows"}
    assert {len(each) for name, each in found.items() if name not in by_table} == {tokens}
    assert found.pop("corner_weights", np.zeros(0, np.float32)).dtype == np.float32
    assert {each.dtype for each in found.values()} == {np.dtype(np.int64)}
    assert ("windows" in found, "corners" in found) == (window > 0, table > 0)


def _stand_in(table: Array, patches: int) -> None:
    """Each patch stands in a table where its place says it does."""
    places = grid.places(table)
    np.testing.assert_array_equal(table.reshape(-1)[places], np.arange(patches))
