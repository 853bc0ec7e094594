"""What a profile says about the family ``vision``; every key is optional.

For example::

    families:
      vision:
        source: "path:~/models/llava"
        text: "path:~/models/siglip"
        interpolate: true
"""

from __future__ import annotations

from pydantic import Field, model_validator

from builders.kit.recipe.profile import Options

DEMO, DEMO_TEXT = "demo:vision", "demo:vision_text"


class VisionOptions(Options):
    """The keys below ``families.vision``.

    Attributes:
        source: the checkpoint of the eye: a LLaVA, a CLIP, a SigLIP.
        text: the checkpoint of the text tower in the space of ``pooled``; by default the same
            folder, where that has one. Without one there is no pipeline ``vision_text``.
        interpolate: serve images of other sizes than the tower's own, with position embeddings
            interpolated; by default where the checkpoint asks for it.
        evaluation: ``path:`` of a folder with ``scenes.json`` and its images, to score the model
            on: see :mod:`builders.scenes`. Without it, a checkpoint other than the shipped
            one is scored on nothing.
        maximum_tiles: of an eye that sees an image in tiles, the most of one image, the one that
            shows it whole among them. An image of more is refused. By default as many as the
            checkpoint's image processor can make.
        maximum_patches: of an eye that sees an image in patches of a grid, or that interpolates,
            the most of one image. An image of more is refused. Attention takes memory for their
            square: with 16 heads, 1.7 GB for each of two tensors of FP32 at 5120 patches. By
            default as many as a grid's processor makes at most, where a checkpoint leaves that
            open.
    """

    source: str = DEMO
    text: str | None = None
    interpolate: bool | None = None
    evaluation: str | None = None
    maximum_tiles: int | None = Field(default=None, ge=1, le=1024)
    maximum_patches: int = Field(default=5120, ge=1, le=1 << 20)

    @model_validator(mode="before")
    @classmethod
    def _demo_is_whole(cls, value: object) -> object:
        if isinstance(value, dict) and "source" not in value and "text" not in value:
            return {**value, "text": DEMO_TEXT}
        return value
