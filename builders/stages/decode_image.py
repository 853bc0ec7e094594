"""An encoded image file to RGB pixels: ``image`` UINT8 [-1] -> ``pixels`` UINT8 [h, w, 3].

JPEG, PNG, WebP, TIFF, BMP and GIF; the EXIF orientation is applied, transparency lies on white, of
an animation the first frame is taken, 16-bit samples lose their low byte.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, WebPImagePlugin

from builders.kit.invalid_argument import InvalidArgument

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
"""The largest image without a config parameter of its own: 150 MB of pixels."""

_TRANSPARENT = ("RGBA", "RGBa", "LA", "La", "PA")


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; the parameter ``maximum_pixels`` bounds width times height."""
    limit = int(parameters.get("maximum_pixels", MAXIMUM_PIXELS))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"pixels": decode(inputs["image"].tobytes(), limit)}

    return run


def decode(encoded: bytes, maximum_pixels: int = MAXIMUM_PIXELS) -> np.ndarray:
    """The image in the file's bytes, upright, as UINT8 RGB [height, width, 3].

    Raises:
        InvalidArgument: no image, a broken one, one of another format, or one with too many pixels.
    """
    if not encoded:
        raise InvalidArgument("the image is empty; send the bytes of an image file")
    try:
        image = Image.open(io.BytesIO(encoded), formats=FORMATS)
        width, height = image.size
    except MemoryError:
        raise
    except Image.DecompressionBombError as problem:  # Pillow's own bound is 179 million
        raise InvalidArgument(
            f"the image has more pixels than the {maximum_pixels} allowed; send a smaller one"
        ) from problem
    except Exception as problem:  # Pillow's readers raise whatever broken data leads them to
        raise InvalidArgument(
            f"the {len(encoded)} bytes sent are not an image of a known format; "
            "send JPEG, PNG, WebP, TIFF, BMP or GIF"
        ) from problem
    if width * height > maximum_pixels:
        raise InvalidArgument(
            f"the image has {width} x {height} pixels, more than the {maximum_pixels} allowed; "
            "send a smaller one"
        )
    try:
        image.load()
        upright = _upright(image)
        return np.ascontiguousarray(np.asarray(_rgb(upright)))
    except MemoryError:
        raise
    except Exception as problem:
        raise InvalidArgument(
            f"the {image.format} image is truncated or corrupt; send the whole file"
        ) from problem


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF orientation says; unreadable EXIF says nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:
        return image


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_bytes(np.asarray(image))).convert("RGB")
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _to_bytes(samples: np.ndarray) -> np.ndarray:
    """Greys of more than 8 bits as UINT8: 16-bit ones by their scale, others by their range."""
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if samples.dtype.kind != "f" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    return np.asarray(np.rint((values - low) * (255 / max(high - low, 1e-12))), np.uint8)
