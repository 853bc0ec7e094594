"""An encoded image file to RGB pixels.

``image`` UINT8 [-1], ``only_pages`` INT32 [-1] (optional, the first page is 1) -> ``pixels`` UINT8
[h, w, 3], ``pages`` INT32 [n, 4], ``page_count`` INT32 [1], how many pages the file has.

JPEG, PNG, WebP, TIFF, BMP and GIF. A TIFF's pages are all read: they lie one below the other in
``pixels``, and ``pages`` has each one's number, top row, height and width. An animation is one
page, its first frame, unless ``only_pages`` names other frames; ``page_count`` counts all.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin, WebPImagePlugin

from builders.kit.invalid_argument import InvalidArgument
from builders.stages import colours

# Pillow registers these two only when their modules are imported.
FORMATS = (
    "JPEG",
    "PNG",
    WebPImagePlugin.WebPImageFile.format,
    TiffImagePlugin.TiffImageFile.format,
    "BMP",
    "GIF",
)

MAXIMUM_PIXELS = 50_000_000
"""The most pixels of a request, unless a config parameter says otherwise: 150 MB."""

MOST_PAGES = 64
"""Pages of one request."""

MOST_COUNTED = 1000
"""The most pages of a file that a request may choose from."""

_SUBFILE, _REDUCED_OR_MASK = 254, 1 | 4
"""The TIFF tag NewSubfileType, and its bits for thumbnails and masks (TIFF 6.0, section 8)."""


@dataclass(frozen=True)
class Decoded:
    """What a file holds.

    Attributes:
        pixels: UINT8 [height, width, 3], the pages one below the other, white beside narrower ones.
        pages: INT32 [n, 4], each page's number, top row, height and width.
        count: of the file's pages, or frames.
    """

    pixels: np.ndarray
    pages: np.ndarray
    count: int


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; the parameter ``maximum_pixels`` bounds width times height of all pages."""
    limit = int(parameters.get("maximum_pixels", MAXIMUM_PIXELS))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        only = inputs.get("only_pages")
        found = decode(
            inputs["image"].tobytes(),
            limit,
            None if only is None else np.asarray(only).reshape(-1).tolist(),
        )
        return {
            "pixels": found.pixels,
            "pages": found.pages,
            "page_count": np.array([found.count], np.int32),
        }

    return run


def decode(
    encoded: bytes, maximum_pixels: int = MAXIMUM_PIXELS, only: Sequence[int] | None = None
) -> Decoded:
    """The pages in the file's bytes, upright.

    Args:
        encoded: the file.
        maximum_pixels: of all pages together.
        only: the numbers of the pages to read; the first is 1.

    Raises:
        InvalidArgument: no image, a broken one, one of another format, one with too many pages or
            pixels, or one without a page that was asked for.
    """
    with opened(encoded, maximum_pixels) as image:
        frames, count = _frames(image)
        chosen = _chosen(frames, count, only)
        sizes = [size for _, size in chosen.values()]
        refuse_large(sizes, maximum_pixels)
        read = [_page(image, encoded, frame) for frame, _ in chosen.values()]
        return _stacked(read, list(chosen), count, maximum_pixels)


@contextlib.contextmanager
def opened(encoded: bytes, maximum_pixels: int) -> Iterator[Image.Image]:
    """Open an image file; what goes wrong while it is read is the file's fault, and said so.

    Raises:
        InvalidArgument: no image, a broken one, or one of another format.
    """
    if not encoded:
        raise InvalidArgument("the image is empty; send the bytes of an image file")
    try:
        image = Image.open(io.BytesIO(encoded), formats=FORMATS)
    except MemoryError:
        raise
    except Image.DecompressionBombError as problem:  # Pillow's own bound is 179 million
        raise InvalidArgument(
            f"the image has more pixels than the {maximum_pixels} allowed; send a smaller one"
        ) from problem
    except Exception as problem:  # Pillow's readers raise whatever broken data leads them to
        raise InvalidArgument(_unknown(encoded)) from problem
    try:
        yield image
    except (MemoryError, InvalidArgument):
        raise
    except Exception as problem:
        raise InvalidArgument(
            f"the {image.format} image is truncated or corrupt; send the whole file"
        ) from problem


_OTHERS = {
    b"%PDF-": "a PDF; send its pages as images",
    b"<svg": "an SVG; send it drawn, as PNG",
    b"<?xml": "XML; an SVG has to be sent drawn, as PNG",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image; save it as JPEG or PNG",
    b"\xff\x0a": "a JPEG XL image; save it as JPEG or PNG",
    b"8BPS": "a Photoshop document; save it as PNG",
    **dict.fromkeys(
        (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        "a TIFF that is cut off, or has samples or a compression of another kind than is read; "
        "send the whole file, or save it as PNG",
    ),
}
"""How files of formats begin that people take for images that are read, and what to do."""


def _unknown(encoded: bytes) -> str:
    """The sentence for bytes that no reader takes."""
    found = next((said for head, said in _OTHERS.items() if encoded.startswith(head)), "")
    if encoded[4:8] == b"ftyp":  # ISO 14496-12, section 4.3
        found = "an HEIC, AVIF or video file; save the picture as JPEG or PNG"
    return f"the {len(encoded)} bytes sent are " + (
        found or "not an image of a known format; send JPEG, PNG, WebP, TIFF, BMP or GIF"
    )


_Frame = tuple[int, tuple[int, int]]
"""A frame's place in its file, and its width and height."""


def _frames(image: Image.Image) -> tuple[dict[int, _Frame], int]:
    """The pages that are read by default, by number, and how many can be named.

    All frames of an animation can be named; the first is read. Further pictures in a JPEG are
    previews.
    """
    if image.format != "TIFF":
        count = int(getattr(image, "n_frames", 1)) if image.format != "MPO" else 1
        return {1: (0, image.size)}, count
    pages: list[_Frame] = []
    first = (0, image.size)
    for place in range(MOST_COUNTED + 1):
        try:
            image.seek(place)
        except EOFError:
            break
        if place == MOST_COUNTED:
            raise InvalidArgument(
                f"the TIFF has more than {MOST_COUNTED} pages; split it into several files"
            )
        kind = image.tag_v2.get(_SUBFILE, 0)  # type: ignore[attr-defined]
        if not (isinstance(kind, int) and kind & _REDUCED_OR_MASK):
            pages.append((place, image.size))
    pages = pages or [first]
    return dict(enumerate(pages, 1)), len(pages)


def _chosen(frames: dict[int, _Frame], count: int, only: Sequence[int] | None) -> dict[int, _Frame]:
    """The pages that a request wants, by number, in their order."""
    if only is None:
        chosen = frames
    else:
        wanted = sorted(set(only))
        wrong = [number for number in wanted if not 1 <= number <= count]
        if wrong or not wanted:
            raise InvalidArgument(
                f"only_pages must name pages from 1 to {count}, which the file has, "
                f"found {wrong[:4] if wrong else 'none'}"
            )
        size = frames[1][1]
        chosen = {k: frames.get(k, (k - 1, size)) for k in wanted[: MOST_PAGES + 1]}
    if len(chosen) > MOST_PAGES:
        raise InvalidArgument(
            f"{count if only is None else len(set(only))} pages are more than the {MOST_PAGES} "
            "that one request may have; ask for some of them with only_pages"
        )
    return chosen


def refuse_large(sizes: Sequence[tuple[int, int]], maximum_pixels: int) -> None:
    """Refuses images with too many pixels before they are unpacked.

    Args:
        sizes: the width and height of each.
        maximum_pixels: of each, and of all together.

    Raises:
        InvalidArgument: they have more.
    """
    for width, height in sizes:
        if width * height > maximum_pixels:
            raise InvalidArgument(
                f"the image has {width} x {height} pixels, more than the {maximum_pixels} "
                "allowed; send a smaller one"
            )
    _refuse_many(len(sizes), sum(width * height for width, height in sizes), maximum_pixels)


def _refuse_many(pages: int, pixels: int, maximum_pixels: int) -> None:
    if pixels > maximum_pixels:
        raise InvalidArgument(
            f"the {pages} pages have {pixels} pixels together, more than the {maximum_pixels} "
            "allowed; ask for some of them with only_pages"
        )


def _page(image: Image.Image, encoded: bytes, frame: int) -> np.ndarray:
    if frame != image.tell():
        image.seek(frame)

    def again() -> Image.Image:
        opened = Image.open(io.BytesIO(encoded), formats=FORMATS)
        opened.seek(frame)
        return opened

    return colours.upright_rgb(image, again)


def _stacked(
    read: Sequence[np.ndarray], numbers: Sequence[int], count: int, maximum_pixels: int
) -> Decoded:
    heights = [page.shape[0] for page in read]
    width = max(page.shape[1] for page in read)
    tops = np.cumsum([0, *heights])
    rows = [
        (number, top, *page.shape[:2])
        for number, top, page in zip(numbers, tops.tolist(), read, strict=False)
    ]
    pages = np.array(rows, np.int32)
    if len(read) == 1:
        return Decoded(read[0], pages, count)
    _refuse_many(len(read), int(tops[-1]) * width, maximum_pixels)
    pixels = np.full((int(tops[-1]), width, 3), 255, np.uint8)
    for page, top in zip(read, tops.tolist(), strict=False):
        pixels[top : top + page.shape[0], : page.shape[1]] = page
    return Decoded(pixels, pages, count)
