"""What a processor gives: the size of its images or tiles, how many, and if a tower takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builders.kit.sources.values import Values
from builders.vision.checkpoint.processor.classes import Kind
from builders.vision.stages.processors import splits


def size(kind: Kind, settings: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width of each image or tile; None if that depends on the image."""
    if kind in ("grid", "naflex"):
        return None
    if kind == "splits":
        side = settings["max_image_size"]["longest_edge"]
        return side, side
    if settings["do_center_crop"]:
        return settings["crop_size"]["height"], settings["crop_size"]["width"]
    found = settings["size"]
    if "height" in found and (settings["do_resize"] or kind == "anyres"):
        return found["height"], found["width"]
    if kind == "anyres":
        return found["shortest_edge"], found["shortest_edge"]
    return None


def tile(settings: Mapping[str, Any]) -> int:
    """The side of the pieces that LLaVA-NeXT's processor cuts an image into."""
    if settings["crop_size"]:
        return int(settings["crop_size"]["height"])
    return int(settings["size"].get("height") or settings["size"]["shortest_edge"])


def most_tiles(kind: Kind, settings: Mapping[str, Any]) -> int:
    """The most tiles of an image, the one that shows it whole among them."""
    if kind == "anyres":
        side = tile(settings)
        shapes = settings["image_grid_pinpoints"]
        return 1 + max(int(height // side) * int(width // side) for height, width in shapes)
    if kind == "aspect_ratio" and settings["crop_to_patches"] and settings["max_patches"] > 1:
        return int(settings["max_patches"]) + 1
    if kind == "pan_and_scan" and settings["do_pan_and_scan"]:
        return int(settings["pan_and_scan_max_num_crops"]) + 1
    if kind == "splits" and settings["do_image_splitting"] and settings["do_resize"]:
        longest = settings["size"].get("longest_edge")
        asked = settings["size"].get("height", 0), settings["size"].get("width", 0)
        if longest:  # the shorter side is made even, and then may be the longer one
            asked = (min(longest + longest % 2, splits.LONGEST),) * 2
        own = settings["max_image_size"]["longest_edge"]
        rows, columns = (side // own for side in splits.whole_tiles(asked, own))
        return rows * columns + 1 if rows * columns > 1 else 1
    return 1


def check(
    values: Values,
    kind: Kind,
    settings: Mapping[str, Any],
    side: int | None,
    patch: int | None,
) -> None:
    """Note what contradicts the tower, or itself.

    Args:
        values: the file's.
        kind: what the processor makes of an image.
        settings: its own, complete.
        side: of the images or tiles that the tower takes; None if it takes others.
        patch: the side of the tower's patches, if it takes patches.
    """
    if kind in ("grid", "naflex"):
        if patch not in (None, settings["patch_size"]):
            values.refuse("patch_size", f"{patch}, the patch_size of the tower")
        return
    if kind == "anyres":
        own = tile(settings)
        if any(each % own for shape in settings["image_grid_pinpoints"] for each in shape):
            values.refuse("image_grid_pinpoints", f"multiples of {own}, the side of a tile")
    if kind == "splits" and settings["do_image_splitting"] and not settings["do_resize"]:
        values.refuse("do_resize", "true, where do_image_splitting is")
    if kind == "fixed" and settings["do_pad"] and max(settings["image_mean"]) > 1:
        values.refuse("image_mean", "at most 1, since images are padded in that colour")
    if side is None:
        return
    found = size(kind, settings)
    if found == (side, side):
        return
    wanted = f"{side} x {side}, the image_size of the tower"
    if kind == "splits":
        values.refuse("max_image_size", f"longest_edge {side}, the image_size of the tower")
    elif settings["do_center_crop"]:
        values.refuse("crop_size", wanted)
    elif found is None and not settings["do_resize"]:
        values.refuse("do_resize", f"true, to {wanted}")
    else:
        values.refuse("size", wanted)
