"""The page that says which checkpoints of vision were compared with transformers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

from tests.builders.vision.checkpoints import fixed, grid, tiled
from tests.builders.vision.checkpoints.judged import CLOSE, SIZES, Outcome

PAGE = Path(__file__).parents[4] / "docs" / "vision-checkpoints.md"

RECORD = Path(__file__).with_name("agreement.json")
"""What the last runs found."""

TOOLS = ("transformers", "torch", "onnxruntime", "pillow")

EYES: Mapping[str, fixed.Maker] = {
    **fixed.EYES,
    "SigLIP 2, NaFlex": fixed.siglip2,
    "LLaVA-NeXT, CLIP": tiled.llava_next,
    "LLaVA-NeXT, SigLIP, layers -3 and -1": partial(
        tiled.llava_next,
        vision={"model_type": "siglip_vision_model"},
        vision_feature_select_strategy="full",
        vision_feature_layer=[-3, -1],
    ),
    "LLaVA-OneVision": tiled.llava_onevision,
    "LLaVA-OneVision, anyres_max_1": partial(
        tiled.llava_onevision, vision_aspect_ratio="anyres_max_1"
    ),
    "InternVL": tiled.internvl,
    "Idefics3": tiled.idefics3,
    "SmolVLM": tiled.smolvlm,
    "Gemma 3's tower": tiled.gemma3,
    **grid.EYES,
}
"""The checkpoints of the table."""

KINDS: Mapping[str, tuple[str, str]] = {
    "fixed": ("one size", "images at once"),
    "naflex": ("NaFlex", "images at once"),
    "tiled": ("tiles", "tiles of an image"),
    "grid": ("grid", "tokens of an image"),
}
"""Kind of tower -> its name on the page, and what a call of it has several of."""

TEXT = """\
# Vision checkpoints

Each of these checkpoints was built, and gives the numbers that transformers gives: every
difference is below {close:.0e} of the largest number. [Vision](vision.md) says how to serve a
folder of yours, what the [kinds of eye](vision.md#kinds-of-eye) are, and what is refused.

| checkpoint | transformers' class | tower | kind | tried with | `image_embeds` off | `pooled` off |
|---|---|---|---|---|---|---|
{rows}

## How it was tried

`python -m tests.builders.vision.checkpoints` writes this page. It makes each checkpoint with
transformers, tiny and with random weights, and exports it as a build does. Then it asks the
pipeline and transformers the same images, of {sizes} pixels. A checkpoint that differs gets no row.

- *tried with* says how many images, tiles or tokens one call had.
- *off* is the largest absolute difference of all images.
- The image processor is transformers' own, in its flavour on Pillow.
- SigLIP 2 NaFlex is not asked the image of 5 x 90 pixels: torch 2.13 resizes position embeddings to
  a single column wrongly on a CPU.
- Names of checkpoints after the command try those alone.

Made with {tools}.
"""


def page() -> str:
    """The page as Markdown, from the record."""
    made = json.loads(RECORD.read_text("utf-8"))["made_with"]
    return TEXT.format(
        sizes=", ".join(f"{width} x {height}" for width, height in SIZES),
        close=CLOSE,
        rows="\n".join(row(name, each) for name, each in recorded().items()),
        tools=", ".join(f"{name} {each}" for name, each in made.items()),
    )


def row(name: str, outcome: Outcome) -> str:
    """A checkpoint's row."""
    counts = ", ".join(map(str, outcome.counts))
    kind, counted = KINDS[outcome.kind]
    embeds = "no projector" if outcome.embeds is None else f"{outcome.embeds:.0e}"
    return (
        f"| {name} | {outcome.architecture} | {outcome.tower} | {kind} | "
        f"{counts} {counted} | {embeds} | {outcome.pooled:.0e} |"
    )


def recorded() -> dict[str, Outcome]:
    """What the last runs found, by the checkpoints' names."""
    content = json.loads(RECORD.read_text("utf-8"))["checkpoints"]
    return {name: Outcome(**content[name]) for name in EYES if name in content}


def record(outcomes: Mapping[str, Outcome]) -> None:
    """Keep what was found, and write the page."""
    made = {name: version(name) for name in TOOLS}
    content = {
        "made_with": made,
        "checkpoints": {name: asdict(outcomes[name]) for name in outcomes},
    }
    RECORD.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(), "utf-8")
