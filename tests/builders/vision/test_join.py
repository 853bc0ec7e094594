"""The stage that joins tiles: rows, newlines, fewer embeddings, and tensors that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.invalid_argument import InvalidArgument
from builders.vision.stages import join
from builders.vision.stages.joining import bilinear


@pytest.mark.parametrize(
    ("given", "wanted"), [((12, 16), (7, 9)), ((81, 135), (61, 103)), ((3, 40), (1, 17))]
)
def test_embeddings_are_made_fewer_as_by_torch(
    given: tuple[int, int], wanted: tuple[int, int]
) -> None:
    import torch

    values = np.random.default_rng(1).standard_normal((*given, 24), np.float32)
    planes = torch.from_numpy(values.transpose(2, 0, 1).copy())[None]
    own = torch.nn.functional.interpolate(planes, list(wanted), mode="bilinear")
    found = bilinear.resize(values, wanted)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, own[0].permute(1, 2, 0).numpy(), rtol=0, atol=1e-6)


def stage(folder: Path, **changes: Any) -> Any:
    """A joining stage of rows of tiles, hidden size 2."""
    content = {"whole": "first", "spatial": True, "most": None, "newline": [8.0, 9.0], **changes}
    (folder / join.JOINING).write_text(json.dumps(content), "utf-8")
    return join.prepare(folder, {})


def request(tiles: int, tiling: list[int], tokens: int = 4) -> dict[str, np.ndarray]:
    embeds = np.arange(tiles * tokens * 2, dtype=np.float32).reshape(tiles, tokens, 2)
    pooled = np.arange(tiles, dtype=np.float32)[:, None]
    return {
        "tile_embeds": embeds,
        "tile_pooled": pooled,
        "tiling": np.array(tiling, np.int32),
    }


def test_rows_of_tiles_end_with_the_newline(tmp_path: Path) -> None:
    found = stage(tmp_path)(request(3, [1, 2, 10, 20]))["image_embeds"][:, 0].tolist()
    assert found == [0, 2, 4, 6, 8, 10, 16, 18, 8, 12, 14, 20, 22, 8]


def test_one_tile_alone_ends_with_the_newline(tmp_path: Path) -> None:
    found = stage(tmp_path)(request(1, [0, 0, 10, 20]))["image_embeds"][:, 0].tolist()
    assert found == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(("whole", "pooled"), [("first", 0), ("last", 2)])
def test_the_pooled_vector_is_that_of_the_whole_image(
    whole: str, pooled: int, tmp_path: Path
) -> None:
    run = stage(tmp_path, whole=whole, spatial=False, newline=[])
    assert run(request(3, [2, 1, 20, 10]))["pooled"].tolist() == [pooled]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (request(3, [2, 2, 10, 10]), "expected 5 tiles"),
        (request(3, [1, 2, 0, 10]), "tiling must be"),
        (request(3, [1, 2]), "tiling must be"),
        (request(3, [-1, -2, 10, 10]), "tiling must be"),
        (request(3, [1, 2, 10, 20], tokens=3), "square number of tokens"),
        (request(3, [1, 2, 10, 20]) | {"tile_pooled": np.zeros((2, 1))}, "equally many tiles"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    inputs: dict[str, np.ndarray], told: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgument, match=told):
        stage(tmp_path)(inputs)


def test_an_image_too_long_to_be_made_fewer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="300 x 20 pixels is too long"):
        stage(tmp_path, most=1)(request(7, [1, 6, 20, 300], tokens=9))
