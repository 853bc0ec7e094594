"""Encoded files to pixels: every kind that is promised, and everything that may be sent instead."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFile, ImageFont, TiffImagePlugin

from builders.kit.invalid_argument import InvalidArgument
from builders.stages import decode_image
from builders.stages.decode_image import FORMATS, prepare


def decode(data: bytes, maximum_pixels: int = decode_image.MAXIMUM_PIXELS) -> np.ndarray:
    """The pixels of a file of one page."""
    found = decode_image.decode(data, maximum_pixels)
    assert found.pages.tolist() == [[1, 0, *found.pixels.shape[:2]]]
    return found.pixels


def picture(mode: str = "RGB", size: tuple[int, int] = (37, 23)) -> Image.Image:
    """A gradient with a dark top left corner."""
    width, height = size
    ramp = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 120, width))
    return Image.fromarray(ramp.astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_its_pixels(form: str) -> None:
    pixels = decode(encoded(picture(), form, **({"quality": 95} if form == "JPEG" else {})))
    assert pixels.dtype == np.uint8 and pixels.shape == (23, 37, 3)
    assert np.abs(pixels.astype(int) - np.asarray(picture())).max() <= 24
    assert pixels.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    image = picture()
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encoded(image, "PNG", exif=exif))
    expected = (23, 37) if orientation <= 4 else (37, 23)
    assert pixels.shape[:2] == expected
    # The dark corner goes where the viewer of such a file sees it.
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0)}
    corner |= {5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert pixels[corner[orientation]].max() == pixels.max(2).min()


def test_a_broken_exif_block_says_nothing() -> None:
    pixels = decode(encoded(picture(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"))
    assert pixels.shape == (23, 37, 3)


def test_transparency_lies_on_white() -> None:
    image = picture("RGBA")
    image.putalpha(0)
    assert decode(encoded(image)).min() == 255
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert decode(encoded(palette, transparency=1)).min() == 255
    assert decode(encoded(palette))[0, 0].tolist() == [10, 20, 30]


Order = Literal["<", ">"]
ORDERS: tuple[Order, ...] = ("<", ">")

Colour = int | tuple[int, ...] | str


def written(mode: str, ink: Colour, ground: Colour) -> Image.Image:
    """A word in the middle of a larger ground."""
    image = Image.new(mode, (300, 200), ground)
    ImageDraw.Draw(image).text((80, 80), "ground", ink, ImageFont.load_default(30))
    return image


def contrast(pixels: np.ndarray) -> int:
    return int(np.ptp(pixels.astype(np.int16)))


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("mode", "ink"),
    [
        ("RGBA", (255, 255, 255, 255)),
        ("RGBA", (255, 255, 0, 255)),
        ("RGBA", (225, 225, 225, 255)),
        ("RGBA", (255, 255, 255, 140)),
        ("LA", (255, 255)),
    ],
)
@pytest.mark.parametrize("clear", [0, 255])
def test_light_ink_on_a_clear_ground_is_seen(
    form: str, mode: str, ink: tuple[int, ...], clear: int
) -> None:
    image = written(mode, ink, (clear,) * (len(ink) - 1) + (0,))
    pixels = decode(encoded(image, form, **({"lossless": True} if form == "WEBP" else {})))
    assert contrast(pixels) >= 128 and pixels[0, 0].tolist() == [0, 0, 0]


def test_dark_ink_on_a_clear_ground_lies_on_white() -> None:
    for ink in ((0, 0, 0, 255), (200, 0, 0, 255), (20, 20, 120, 200)):
        pixels = decode(encoded(written("RGBA", ink, (255, 255, 255, 0))))
        assert pixels[0, 0].tolist() == [255, 255, 255] and contrast(pixels) > 120


def test_black_and_white_ink_on_a_clear_ground_are_both_seen() -> None:
    image = written("RGBA", (255, 255, 255, 255), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((80, 20), "grounds", (0, 0, 0, 255), ImageFont.load_default(30))
    pixels = decode(encoded(image))
    ground = int(pixels[0, 0, 0])
    assert pixels.min() <= ground - 64 and pixels.max() >= ground + 64


def test_a_white_page_in_clear_margins_keeps_its_text() -> None:
    page = Image.new("RGBA", (500, 400), (0, 0, 0, 0))
    page.paste(written("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)), (90, 90))
    inside = decode(encoded(page))[90:290, 90:390]
    assert contrast(inside) == 255 and inside[0, 0].tolist() == [255, 255, 255]


def test_greys_of_16_bits_with_a_clear_one_are_seen() -> None:
    samples = np.asarray(written("L", 255, 0), np.uint16) * 257
    samples[samples == 0] = 65_535
    samples[0, 0] = 65_535
    samples[np.asarray(written("L", 255, 0)) > 99] = 65_534
    pixels = decode(encoded(Image.fromarray(samples), "PNG", transparency=65_535))
    assert contrast(pixels) > 128


def tiff(samples: np.ndarray, tags: dict[int, object] | None = None) -> bytes:
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in (tags or {}).items():
        directory[tag] = value
    return encoded(Image.fromarray(samples), "TIFF", tiffinfo=directory)


@pytest.mark.parametrize(
    ("dtype", "white"),
    [
        (np.int32, 255),
        (np.int32, 1023),
        (np.uint16, 200),
        (np.uint16, 1023),
        (np.uint16, 4095),
        (np.uint16, 16_383),
        (np.uint16, 65_535),
        (np.int32, 65_535),
        (np.int32, 16_777_215),
        (np.int16, 4095),
    ],
)
def test_greys_in_a_wider_type_are_scaled_by_what_they_use(dtype: type, white: int) -> None:
    eight = np.asarray(written("L", 0, 255), np.float64)
    samples: np.ndarray = np.rint(eight * white / 255).astype(dtype)
    pixels = decode(tiff(samples))
    assert np.abs(pixels[..., 0] - eight * white / (2 ** white.bit_length() - 1)).max() <= 1


def test_a_tiff_may_say_what_its_white_is() -> None:
    samples = np.rint(np.asarray(written("L", 0, 255), np.float64) * 600 / 255).astype(np.uint16)
    pixels = decode(tiff(samples, {340: 0, 341: 600}))
    assert pixels.min() == 0 and pixels.max() == 255
    # A range that the samples leave, as writers do that copy tags, is none.
    assert decode(tiff(samples, {340: 0, 341: 255})).max() == round(600 * 255 / 1023)


def bands(white: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples from 0 to white, UINT16 [23, 37, count], and what is to be seen of them."""
    eight = np.random.default_rng(white).integers(0, 256, (23, 37, count)).astype(np.float64)
    eight[0, 0] = 255
    samples = np.rint(eight * white / 255).astype(np.uint16)
    return samples, samples * (255 / (2 ** max(8, white.bit_length()) - 1))


def chunk(kind: bytes, body: bytes) -> bytes:
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def png(samples: np.ndarray, clear: tuple[int, ...] = ()) -> bytes:
    """A PNG of UINT16 samples [h, w, 2 (grey and opacity), 3 or 4]; ``clear`` is a colour."""
    height, width, count = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[count], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    parts = [(b"IHDR", header), (b"tRNS", struct.pack(f">{len(clear)}H", *clear))]
    parts = [*(part for part in parts if part[1]), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def colour_tiff(
    samples: np.ndarray,
    order: Order = "<",
    planar: int = 1,
    packed: bool = False,
    **tags: int,
) -> bytes:
    """A TIFF of samples [h, w, bands], each tag ``t338=1``; Pillow writes none of 16 bits."""
    height, width, count = samples.shape
    planes = [samples] if planar == 1 else list(np.moveaxis(samples, 2, 0))
    strips = [plane.astype(plane.dtype.newbyteorder(order)).tobytes() for plane in planes]
    strips = [zlib.compress(strip) for strip in strips] if packed else strips
    starts = np.cumsum([8, *map(len, strips)]).tolist()
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    fields: dict[int, tuple[str, list[int]]] = {
        256: ("H", [width]),
        257: ("H", [height]),
        258: ("H", [8 * samples.dtype.itemsize] * count),
        259: ("H", [8 if packed else 1]),
        262: ("H", [2]),
        273: ("I", starts[:-1]),
        277: ("H", [count]),
        278: ("H", [height]),
        279: ("I", [len(strip) for strip in strips]),
        284: ("H", [planar]),
        339: ("H", [kind] * count),
    }
    fields |= {int(tag[1:]): ("H", [value]) for tag, value in tags.items()}
    start = starts[-1] + starts[-1] % 2
    beyond = start + 6 + 12 * len(fields)
    directory, rest = struct.pack(f"{order}H", len(fields)), b""
    for tag, (letter, values) in sorted(fields.items()):
        body = struct.pack(f"{order}{len(values)}{letter}", *values).ljust(4, b"\0")
        directory += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[letter], len(values))
        directory += body if len(body) == 4 else struct.pack(f"{order}I", beyond + len(rest))
        rest += body + b"\0" * (len(body) % 2) if len(body) > 4 else b""
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, start)
    return head + b"".join(strips).ljust(start - 8, b"\0") + directory + bytes(4) + rest


WHITES = (255, 700, 1023, 4095, 16_383, 40_000, 65_535)


@pytest.mark.parametrize("white", WHITES)
def test_colours_of_16_bits_are_scaled_by_what_they_use(white: int) -> None:
    samples, wanted = bands(white, 3)
    files = [png(samples), *(colour_tiff(samples, order) for order in ORDERS)]
    files.append(colour_tiff(samples, packed=True))
    for file in files:
        assert np.abs(decode(file) - wanted).max() <= 1


@pytest.mark.parametrize("white", [255, 1023, 4095, 16_383, 65_535])
def test_opacity_of_16_bits_is_scaled_by_what_it_uses(white: int) -> None:
    samples, wanted = bands(white, 4)
    samples[..., 3] = white
    files = [
        png(samples),
        *(colour_tiff(samples, order, t338=k) for order in ORDERS for k in (0, 1, 2)),
    ]
    for file in files:
        assert np.abs(decode(file) - wanted[..., :3]).max() <= 1
    assert np.abs(decode(png(samples[..., 2:])) - wanted[..., 2:3]).max() <= 1
    samples[..., :3] = 0
    samples[:12, :, 3] = 0
    assert contrast(decode(png(samples))) > 120


@pytest.mark.parametrize("white", [1023, 65_535])
def test_a_colour_of_16_bits_may_be_clear(white: int) -> None:
    samples = np.zeros((200, 300, 3), np.uint16)
    samples[np.asarray(written("L", 255, 0)) > 99] = 3
    samples[0] = white
    pixels = decode(png(samples, clear=(0, 0, 0)))
    assert contrast(pixels[1:]) > 128


def test_colours_of_16_bits_are_turned_and_keep_their_white() -> None:
    samples, wanted = bands(600, 3)
    turned = decode(colour_tiff(samples, t274=6))
    assert np.abs(turned - np.rot90(wanted, -1)).max() <= 1
    assert decode(colour_tiff(samples, t340=0, t341=600)).max() == 255


@pytest.mark.parametrize("white", [1023, 65_535])
@pytest.mark.parametrize("packed", [False, True])
def test_colours_of_16_bits_in_planes_are_right_or_refused(white: int, packed: bool) -> None:
    samples, wanted = bands(white, 3)
    data = colour_tiff(samples, planar=2, packed=packed)
    if packed and white == 65_535:
        assert np.abs(decode(data) - wanted).max() <= 1
    else:
        assert "separate planes" in refused(data)


@pytest.mark.parametrize("dtype", [np.float32, np.uint32, np.int16])
def test_colours_of_other_types_are_refused_in_a_sentence(dtype: type) -> None:
    data = colour_tiff(bands(255, 3)[0].astype(dtype))
    assert "samples or a compression of another kind" in refused(data)


def test_signed_greys_are_spread_over_their_range() -> None:
    pixels = decode(tiff(np.asarray(written("L", 0, 255), np.int16) - 300))
    assert pixels.min() == 0 and pixels.max() == 255


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "YCbCr"])
def test_every_pixel_mode_is_read(mode: str) -> None:
    form = {"CMYK": "JPEG", "YCbCr": "TIFF"}.get(mode, "PNG")
    image = picture("L")
    wanted = np.asarray(picture("RGB"), np.int16)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image, np.uint16) * 257)
    elif mode == "1":
        wanted = np.asarray(picture("L").convert("1").convert("RGB"), np.int16)
        image = image.convert("1")
    else:
        image = picture("RGB" if mode in ("CMYK", "YCbCr") else "L").convert(mode)
    pixels = decode(encoded(image, form))
    assert np.abs(pixels.astype(np.int16) - wanted).mean() < 4


def test_floating_point_tiffs_are_spread_over_their_range() -> None:
    samples = np.linspace(-3, 5, 48, dtype=np.float32).reshape(6, 8)
    samples[0, 1] = np.nan
    pixels = decode(encoded(Image.fromarray(samples), "TIFF"))
    assert pixels.min() == 0 and pixels.max() == 255


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
    found = decode_image.decode(data)
    assert found.pixels[0, 0].tolist() == [255, 0, 0] and found.count == 2
    assert found.pages.tolist() == [[1, 0, 8, 8]]
    second = decode_image.decode(data, only=[2])
    assert second.pixels[0, 0].tolist() == [0, 0, 255]
    assert second.pages.tolist() == [[2, 0, 8, 8]] and second.count == 2


def several(*sizes: tuple[int, int], **options: object) -> bytes:
    """A TIFF with a page of each size, the first of grey 0, the next of 40, and so on."""
    pages = [Image.new("L", size, 40 * k) for k, size in enumerate(sizes)]
    return encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], **options)


@pytest.mark.parametrize("packed", [{}, {"compression": "tiff_lzw"}, {"big_tiff": True}])
def test_all_pages_of_a_tiff_are_read_one_below_the_other(packed: dict[str, object]) -> None:
    found = decode_image.decode(several((30, 20), (10, 5), (25, 40), **packed))
    assert found.count == 3 and found.pages.dtype == np.int32
    assert found.pages.tolist() == [[1, 0, 20, 30], [2, 20, 5, 10], [3, 25, 40, 25]]
    assert found.pixels.shape == (65, 30, 3)
    for number, top, height, width in found.pages.tolist():
        rows = found.pixels[top : top + height]
        assert (rows[:, :width] == 40 * (number - 1)).all() and (rows[:, width:] == 255).all()


def test_a_request_chooses_pages() -> None:
    found = decode_image.decode(several((30, 20), (10, 5), (25, 40)), only=[3, 1, 3])
    assert found.pages.tolist() == [[1, 0, 20, 30], [3, 20, 40, 25]] and found.count == 3
    assert found.pixels[20, 0].tolist() == [80, 80, 80]


@pytest.mark.parametrize("only", [[0], [-1], [4], [1, 9], []])
def test_pages_that_there_are_not_are_refused(only: list[int]) -> None:
    with pytest.raises(ValueError, match="pages from 1 to 3, which the file has"):
        decode_image.decode(several((30, 20), (10, 5), (25, 40)), only=only)


def test_thumbnails_and_masks_are_no_pages() -> None:
    pages = []
    for kind in (0, 1, 2, 4):
        page = Image.new("L", (30, 20), 40 * kind)
        page.encoderinfo = {"tiffinfo": {254: kind}}
        pages.append(page)
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    found = decode_image.decode(data)
    assert found.count == 2 and found.pixels[::20, 0, 0].tolist() == [0, 80]


def test_each_page_is_turned_as_it_says() -> None:
    pages = []
    for orientation in (1, 6):
        page = picture()
        page.encoderinfo = {"tiffinfo": {274: orientation}}
        pages.append(page)
    found = decode_image.decode(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert found.pages[:, 2:].tolist() == [[23, 37], [37, 23]]


def test_too_many_pages_or_pixels_of_all_are_refused_in_a_sentence() -> None:
    data = several(*[(100, 100)] * 5)
    with pytest.raises(ValueError, match=r"5 pages have 50000 pixels together.*only_pages"):
        decode_image.decode(data, 49_999)
    assert decode_image.decode(data, 50_000).pixels.shape == (500, 100, 3)
    assert decode_image.decode(data, 20_000, only=[4, 5]).pixels.shape == (200, 100, 3)
    # A wide page and a high one would need what lies beside them as well.
    with pytest.raises(ValueError, match="only_pages"):
        decode_image.decode(several((1000, 10), (10, 1000)), 25_000)
    many = several(*[(2, 2)] * (decode_image.MOST_PAGES + 1))
    with pytest.raises(ValueError, match=r"65 pages are more than the 64.*only_pages"):
        decode_image.decode(many)
    assert decode_image.decode(many, only=[65]).pages.tolist() == [[65, 0, 2, 2]]


def test_a_tiff_of_endless_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_image, "MOST_COUNTED", 8)
    assert decode_image.decode(several(*[(2, 2)] * 8)).count == 8
    with pytest.raises(ValueError, match="more than 8 pages; split it"):
        decode_image.decode(several(*[(2, 2)] * 9))


def test_a_tiff_cut_off_in_its_second_page_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = encoded(
        Image.fromarray(noise), "TIFF", save_all=True, append_images=[Image.fromarray(noise)]
    )
    refused(data[: int(len(data) * 0.8)])


def test_the_smallest_and_a_very_wide_image_are_read() -> None:
    assert decode(encoded(Image.new("RGB", (1, 1)))).shape == (1, 1, 3)
    assert decode(encoded(Image.new("L", (20_000, 3)))).shape == (3, 20_000, 3)


def refused(data: bytes) -> str:
    with pytest.raises(ValueError) as refusal:
        decode(data)
    text = str(refusal.value)
    assert "/" not in text and "\n" not in text and text.count(". ") == 0 and len(text) < 200
    return text


def test_what_is_no_image_is_refused() -> None:
    assert "empty" in refused(b"")
    for data in (b"%PDF-1.7", b"hello", bytes(100), b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"):
        refused(data)
    refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_truncated_files_are_refused(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    whole = encoded(Image.fromarray(noise), form)
    for part in (0.3, 0.6, 0.9):
        refused(whole[: int(len(whole) * part)])


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1_000_000), 9)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed)
    unpacked: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", unpacked.append)
    assert "more pixels than" in refused(bomb + chunk(b"IEND", b""))
    assert unpacked == []


def test_a_picture_of_too_many_pixels_is_refused() -> None:
    data = encoded(Image.new("1", (10_000, 5_001)))
    assert "10000 x 5001 pixels" in refused(data)


def test_the_limit_is_a_parameter(tmp_path: Path) -> None:
    run = prepare(tmp_path, {"maximum_pixels": "850"})
    data = np.frombuffer(encoded(picture()), np.uint8)
    with pytest.raises(ValueError, match="more than the 850 allowed"):
        run({"image": data})
    answer = prepare(tmp_path, {"maximum_pixels": "851"})({"image": data})
    assert answer["pixels"].shape == (23, 37, 3) and answer["page_count"].tolist() == [1]
    assert answer["pages"].tolist() == [[1, 0, 23, 37]]


@settings(max_examples=150)
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_a_corrupt_file_gives_pixels_or_one_sentence(
    form: str, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(encoded(picture(), form))
    for position, value in changes:
        data[position % len(data)] = value
    try:
        pixels = decode(bytes(data), maximum_pixels=1_000_000)
    except ValueError as refusal:
        assert "/" not in str(refusal)
    else:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7 and more", "are a PDF; send its pages as images"),
        (b"\0\0\0\x20ftypheic" + bytes(20), "are an HEIC, AVIF or video file; save"),
        (b"\0\0\0\x20ftypavif" + bytes(20), "are an HEIC, AVIF or video file; save"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "are an SVG; send it drawn"),
        (b"II*\0" + bytes(4), "are a TIFF that is cut off, or has samples"),
        (cv2.imencode(".tif", np.ones((9, 9)))[1].tobytes(), "are a TIFF that is cut off, or has"),
        (b"hello", "are not an image of a known format; send JPEG"),
    ],
)
def test_what_looks_like_an_image_and_is_not_read_is_named(data: bytes, said: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^the {len(data)} bytes sent {said}"):
        decode(data)
