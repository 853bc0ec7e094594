"""A processor's settings, completed by the defaults of its class, in one form, and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from builders.kit.sources.values import LIMIT, Values
from builders.vision.checkpoint.processor.classes import Kind

LARGEST_SIDE = 16_384
"""In pixels, of any size that a processor names."""

_SIZES: Mapping[Kind, Sequence[tuple[str, ...]]] = {
    "fixed": (("height", "width"), ("shortest_edge",), ("shortest_edge", "longest_edge")),
    "anyres": (("height", "width"), ("shortest_edge",)),
    "aspect_ratio": (("height", "width"),),
    "splits": (("longest_edge",), ("height", "width")),
    "pan_and_scan": (("height", "width"),),
    "grid": (("shortest_edge", "longest_edge"),),
    "naflex": (),
}
"""The keys of ``size`` that a kind takes."""

_SWITCHES = (
    "do_resize",
    "do_center_crop",
    "do_rescale",
    "do_normalize",
    "do_pad",
    "do_convert_rgb",
)
_TRUE: Mapping[Kind, tuple[str, ...]] = {
    "anyres": ("do_resize",),
    "aspect_ratio": ("do_resize",),
    "pan_and_scan": ("do_resize",),
    "grid": ("do_resize",),
    "naflex": ("do_resize",),
}
"""Without these, a kind's tiles or patches do not come out whole."""


def complete(values: Values, kind: Kind, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a processor, by transformers' keys; what is wrong is noted.

    Args:
        values: the file's. A null counts as left out.
        kind: what the processor makes of an image.
        defaults: its class's.
    """
    content = values.content
    found = {
        key: default if content.get(key) is None else content[key]
        for key, default in defaults.items()
    }
    for name in (*_SWITCHES, "default_to_square", "crop_to_patches", "do_image_splitting"):
        if name in found:
            found[name] = _switch(values, name, found[name])
    for name in _TRUE.get(kind, ()):
        if not found[name]:
            values.refuse(name, "true")
    values.only({"use_square_size": (False,), "pad_size": ()})
    found.pop("pad_size")
    if kind not in ("fixed", "anyres"):
        found["do_center_crop"] = found["crop_size"] = None
    _numbers(values, found)
    _sizes(values, kind, found)
    if kind in _OWN:
        _OWN[kind](values, found)
    return found


def _switch(values: Values, name: str, value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        values.refuse(name, "true or false")
    return bool(value)


def _numbers(values: Values, found: dict[str, Any]) -> None:
    if type(found["resample"]) is not int or not 0 <= found["resample"] <= 5:
        values.refuse("resample", "one of Pillow's filters, a number from 0 to 5")
    factor = found["rescale_factor"]
    if found["do_rescale"] and not (_real(factor) and factor > 0):
        values.refuse("rescale_factor", "a number above 0")
    for name in ("image_mean", "image_std"):
        given = found[name]
        three = [given] * 3 if _real(given) else given
        least = 0 if name == "image_mean" else math.ulp(0)
        if not (
            isinstance(three, list)
            and len(three) == 3
            and all(_real(each) and least <= each for each in three)
        ):
            above = "from 0 on" if name == "image_mean" else "above 0"
            values.refuse(name, f"three numbers {above}, one for each of red, green and blue")
        found[name] = three


def _real(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LIMIT


def _sizes(values: Values, kind: Kind, found: dict[str, Any]) -> None:
    if kind == "naflex":
        found["size"] = None
        return
    if kind == "grid":
        given = found["size"]
        given = dict(given) if isinstance(given, dict) else given
        for old, key in (("min_pixels", "shortest_edge"), ("max_pixels", "longest_edge")):
            if isinstance(given, dict) and values.content.get(old) is not None:
                given.pop(old, None)
                given[key] = values.content[old]
        found["size"] = given
    square = found["default_to_square"]
    most = LIMIT if kind == "grid" else LARGEST_SIDE
    found["size"] = _size(values, "size", found["size"], square, _SIZES[kind], most)
    if found["do_center_crop"] or (kind == "anyres" and found["crop_size"] is not None):
        sides = (("height", "width"),)
        found["crop_size"] = _size(
            values, "crop_size", found["crop_size"], True, sides, LARGEST_SIDE
        )


def _size(
    values: Values,
    name: str,
    given: Any,
    square: bool,
    keys: Sequence[tuple[str, ...]],
    most: int,
) -> dict[str, int]:
    """A size as an object; older files have a number, or height and width in a list."""
    size = given
    if type(given) is int:
        size = {"height": given, "width": given} if square else {"shortest_edge": given}
    elif isinstance(given, list) and len(given) == 2:
        size = {"height": given[0], "width": given[1]}
    if (
        isinstance(size, dict)
        and any(set(size) == set(each) for each in keys)
        and all(type(each) is int and 1 <= each <= most for each in size.values())
    ):
        return size
    known = " or ".join(" and ".join(each) for each in keys)
    bound = "" if most == LIMIT else f" to {most}"
    values.refuse(name, f"{known}, whole numbers from 1{bound}")
    return dict.fromkeys(keys[0], 1)


def _pinpoints(values: Values, found: dict[str, Any]) -> None:
    given = found["image_grid_pinpoints"]
    if not (
        isinstance(given, list)
        and given
        and all(
            isinstance(each, list)
            and len(each) == 2
            and all(type(side) is int and 1 <= side <= LARGEST_SIDE for side in each)
            for each in given
        )
    ):
        values.refuse("image_grid_pinpoints", "a list of heights and widths")


def _whole(values: Values, found: dict[str, Any], name: str, most: int) -> None:
    if type(found[name]) is not int or not 1 <= found[name] <= most:
        values.refuse(name, f"a whole number from 1 to {most}")
        found[name] = most  # so that what is compared with it is a number


def _aspect_ratio(values: Values, found: dict[str, Any]) -> None:
    if not found["crop_to_patches"]:
        return
    _whole(values, found, "max_patches", 1000)
    least = found["min_patches"]
    if type(least) is not int or least > found["max_patches"]:
        values.refuse("min_patches", "a whole number, at most max_patches")


def _splits(values: Values, found: dict[str, Any]) -> None:
    found["max_image_size"] = _size(
        values, "max_image_size", found["max_image_size"], False, (("longest_edge",),), LARGEST_SIDE
    )


def _pan_and_scan(values: Values, found: dict[str, Any]) -> None:
    found["do_pan_and_scan"] = _switch(values, "do_pan_and_scan", found["do_pan_and_scan"])
    if not found["do_pan_and_scan"]:
        return
    _whole(values, found, "pan_and_scan_min_crop_size", LARGEST_SIDE)
    _whole(values, found, "pan_and_scan_max_num_crops", 1000)
    if not _real(found["pan_and_scan_min_ratio_to_activate"]):
        values.refuse("pan_and_scan_min_ratio_to_activate", "a number")


def _grid(values: Values, found: dict[str, Any]) -> None:
    for name, most in (("patch_size", 256), ("temporal_patch_size", 16), ("merge_size", 16)):
        _whole(values, found, name, most)
    if found["size"]["shortest_edge"] > found["size"]["longest_edge"]:
        values.refuse("size", "a shortest_edge (of pixels) that is at most longest_edge")


def _naflex(values: Values, found: dict[str, Any]) -> None:
    _whole(values, found, "patch_size", 256)
    _whole(values, found, "max_num_patches", 65_536)


_OWN = {
    "anyres": _pinpoints,
    "aspect_ratio": _aspect_ratio,
    "splits": _splits,
    "pan_and_scan": _pan_and_scan,
    "grid": _grid,
    "naflex": _naflex,
}
"""A kind -> what checks its own settings."""
