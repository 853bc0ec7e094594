"""Text lines in the detector's probability maps, and samples to tell which end is up.

``probability`` FP32 [1, 1, H, W], ``page`` UINT8 [1, H, W, 3], ``zooms`` FP32 [p], ``sheets`` UINT8
[-1], ``sheet_sizes`` INT32 [p, 2], ``pages`` INT32 [p, 4], ``maximum_side`` INT32 [1] (optional),
``orientation`` BOOL [1] (optional) -> ``quads`` FP32 [n, 4, 2] in pixels of the image with its bent
pages laid flat, page after page, along each page's lines, ``bends`` FP32 [p, 33, 33, 2], how they
are bent (:mod:`bends`), [0, 33, 33, 2] where none is, ``samples`` UINT8 [k, 48, 192, 3], pieces of
each page's longest lines for the orientation classifier, ``sampled`` INT32 [k], the page of each,
from 0.

The detector is asked again for what it has not seen: other pages and tiles, a bent page laid flat,
and, on a page where it found nothing, the places that have ink (:mod:`looks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .lines import ends, warp
from .lines import quads as q
from .page import bends, direction, looks, tiles

SAMPLES = 6
"""How many pieces of lines vote."""

SAMPLE_WIDTH = 192
"""The classifier's input width: pieces of lines are shown unsqueezed."""

Call = Callable[[str, Sequence[Mapping[str, np.ndarray]]], list[dict[str, np.ndarray]]]
"""Runs another model: see :class:`builders.kit.graph.PythonModel`."""


def prepare(
    folder: Path, parameters: Mapping[str, str], call: Call
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it has no parameters, and calls ``detect``."""

    def detect(page: np.ndarray) -> np.ndarray:
        """A page or a part of one, UINT8 [h, w, 3], to its probabilities FP32 [h, w]."""
        shown = tiles.padded(page)[None]
        # One at a time: what the detector needs for a page is most of a server's memory.
        (answer,) = call("detect", [{"page": shown}])
        probability, _ = _checked(answer["probability"], shown)
        return probability[: page.shape[0], : page.shape[1]]

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        free = bool(np.all(inputs.get("orientation", True)))
        quads, samples, sampled = [], [], []
        shifts: dict[int, np.ndarray] = {}
        for number, (probability, page, zoom, top) in enumerate(_seen(inputs, detect)):
            found = q.find(probability)
            sides = inputs["pages"][number, 2:].tolist()
            bend = None
            if max(sides) <= warp.LARGEST_SOURCE:
                size = tiles.times(sides, zoom)
                bend = bends.find(found, probability, page, _angle(found, free), size)
            if bend:
                page = bend.flat(page)
                views = tiles.cut(page.shape, whole="maximum_side" in inputs)
                maps = [detect(tiles.of(page, view)) for view in views]
                found = q.find(tiles.joined(maps, views))
                shifts[number] = bend.shifts
            own = _lines(found, page, free)
            if not len(own):
                own = looks.again(page, lambda part: locate(detect(part), part, free))
            if free and len(own):
                samples.append(sample(page, own))
                sampled += [number] * len(samples[-1])
            quads.append(own / zoom + np.array((0, top), np.float32))
        return {
            "quads": np.concatenate(quads).astype(np.float32),
            "bends": _bends(shifts, len(quads)),
            "samples": np.concatenate(samples or [warp.blank(SAMPLE_WIDTH)]),
            "sampled": np.array(sampled or [0], np.int32),
        }

    return run


def _seen(
    inputs: Mapping[str, np.ndarray], detect: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, float, int]]:
    """Each page's probabilities, its pixels, its zoom, and its top row in the image."""
    probability, page = _checked(inputs["probability"], inputs["page"])
    zooms, sheets, sizes = (inputs[name] for name in ("zooms", "sheets", "sheet_sizes"))
    pages = np.asarray(inputs["pages"], np.int64).reshape(-1, 4)
    _fit(zooms, sheets, sizes, pages)
    if not len(sheets):
        yield probability, page, float(zooms[0]), 0
        return
    start = 0
    for number, (own_zoom, (height, width)) in enumerate(
        zip(zooms.tolist(), sizes.tolist(), strict=True)
    ):
        sheet = sheets[start : (start := start + 3 * height * width)].reshape(height, width, 3)
        sheet = tiles.zoomed(sheet, pages[number, 2:].tolist(), own_zoom)
        views = tiles.cut(sheet.shape, whole="maximum_side" in inputs)
        maps = [probability] if number == 0 else []
        maps += [detect(tiles.of(sheet, view)) for view in views[len(maps) :]]
        yield tiles.joined(maps, views), sheet, own_zoom, int(pages[number, 1])


def _fit(zooms: np.ndarray, sheets: np.ndarray, sizes: np.ndarray, pages: np.ndarray) -> None:
    """Refuses tensors that cannot be of one request, since they do not fit together."""
    one = len(zooms) == len(sizes) == len(pages) > 0
    right = one and bool(np.isfinite(zooms).all() and (zooms > 0).all() and (zooms <= 16).all())
    if right and len(sheets):
        products = np.asarray(sizes, np.int64)
        right = bool((products > 0).all()) and int(products.prod(1).sum()) * 3 == len(sheets)
        shown = [tiles.times(page, zoom) for page, zoom in zip(pages[:, 2:], zooms, strict=True)]
        right = right and bool((np.array(shown) <= tiles.LARGEST_SIDE).all())
    elif right:
        right = len(pages) == 1
    if not right:
        raise InvalidArgument(
            "expected a zoom, a size and a page for each sheet, as decode_image and prepare_page "
            f"give them, found {len(zooms)} zooms, {len(sizes)} sizes, {len(pages)} pages and "
            f"{len(sheets)} bytes of sheets"
        )


def _checked(probability: np.ndarray, page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map and the page, as :func:`locate` takes them."""
    height, width = page.shape[1:3]
    if (
        page.shape[0] != 1
        or probability.shape != (1, 1, height, width)
        or not 0 < min(height, width) <= max(height, width) <= tiles.LARGEST_SIDE
    ):
        raise InvalidArgument(
            f"expected one page, with sides from 1 to {tiles.LARGEST_SIDE}, and a probability for "
            f"each of its pixels, found a page of shape {list(page.shape)} and probabilities of "
            f"shape {list(probability.shape)}"
        )
    if not np.isfinite(probability).all():
        raise InvalidArgument("expected finite probabilities, found NaN or infinity")
    return probability[0, 0], page[0]


def locate(probability: np.ndarray, page: np.ndarray, free: bool = True) -> np.ndarray:
    """The lines' quads, starting where reading starts if the page is not upside down.

    Args:
        probability: FP32 [h, w].
        page: UINT8 [h, w, 3].
        free: the page may lie on its side; otherwise lines that run up are turned ones.

    Returns:
        FP32 [n, 4, 2].
    """
    return _lines(q.find(probability), page, free)


def _angle(found: q.Found, free: bool) -> float:
    """The direction of the page's lines, in radians."""
    angle = direction.axis(found.quads)
    return angle if free or abs(angle) <= np.pi / 4 else 0.0


def _lines(found: q.Found, page: np.ndarray, free: bool) -> np.ndarray:
    """The lines' quads, of a map's pieces."""
    angle = _angle(found, free)
    oriented = q.refit(direction.orient(found.quads, angle), found.outlines, angle)
    return ends.mend(page, q.grow(oriented), found.scores < q.BOX_THRESHOLD)


def _bends(shifts: Mapping[int, np.ndarray], pages: int) -> np.ndarray:
    """One bend for each page, from those of the bent pages by number; empty if no page is bent."""
    every = np.zeros((pages if shifts else 0, bends.NODES, bends.NODES, 2), np.float32)
    for number, own in shifts.items():
        every[number] = own
    return every


def sample(page: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Pieces of the longest lines, from their middles.

    Args:
        page: UINT8 [h, w, 3].
        quads: [n, 4, 2], n > 0.

    Returns:
        UINT8 [k, 48, 192, 3], k from 1 to :data:`SAMPLES`.
    """
    width, height = q.sizes(quads)
    chosen = np.argsort(-width / np.sqrt(height), kind="stable")[:SAMPLES]
    pyramid = warp.Pyramid(page)
    samples = []
    for quad in quads[chosen]:
        length = int(warp.crop_widths(quad[None])[0])
        if length > SAMPLE_WIDTH:
            along = (quad[1] - quad[0]) * (1 - SAMPLE_WIDTH / length) / 2
            quad = quad + np.stack((along, -along, -along, along))
            length = SAMPLE_WIDTH
        crop = np.full((warp.HEIGHT, SAMPLE_WIDTH, 3), warp.PADDING, np.uint8)
        crop[:, :length] = pyramid.crop(quad, length)
        samples.append(crop)
    return np.stack(samples)
