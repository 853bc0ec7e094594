"""A checkpoint's model in torch, without the layers that are not used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builders.kit import onnx
from builders.kit.onnx.unused import unused_is_no_news
from builders.vision.checkpoint.caption import Caption, read_caption
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.read import read_eye


def load_eye(checkpoint: Path) -> tuple[Eye, Any]:
    """What is known of an eye, and its model in FP32, whose language model has no layers.

    These would be most of a large checkpoint, and no part of the eye.

    Raises:
        SourceError: not a checkpoint that is served.
    """
    eye = read_eye(checkpoint)
    return eye, _loaded(checkpoint, eye.architecture, "text_config")


def load_caption(checkpoint: Path) -> tuple[Caption, Any]:
    """What is known of a text tower, and its model in FP32, whose vision tower has no layers.

    Raises:
        SourceError: not a text tower that is served.
    """
    caption = read_caption(checkpoint)
    return caption, _loaded(checkpoint, caption.architecture, "vision_config")


def _loaded(checkpoint: Path, architecture: str, unused: str) -> Any:
    """A model without the layers of the part that is not used."""
    with unused_is_no_news() as transformers:
        config = transformers.AutoConfig.from_pretrained(
            checkpoint, local_files_only=True, trust_remote_code=False
        )
        part = getattr(config, unused, None)
        if part is not None:
            part.num_hidden_layers = 0
            if getattr(part, "layer_types", None):
                part.layer_types = []
        return onnx.load_transformers(checkpoint, architecture, config=config)
