"""What the shipped checkpoints make of an example, which a smoke test holds a server to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from builders.vision.usage import QUESTION_IMAGE, QUESTION_TEXTS


def write_known(demo: Path, out: Path) -> None:
    """Write ``circles_pooled.npy`` and ``captions_pooled.npy``, by transformers alone.

    Args:
        demo: has the folders ``vision`` and ``vision_text``.
        out: gets the files.
    """
    from transformers import (
        AutoImageProcessor,
        AutoTokenizer,
        LlavaForConditionalGeneration,
        SiglipModel,
    )

    vision, text = demo / "vision", demo / "vision_text"
    llava = LlavaForConditionalGeneration.from_pretrained(vision).eval()
    siglip = SiglipModel.from_pretrained(text).eval()
    image = Image.open(QUESTION_IMAGE)
    pixels = AutoImageProcessor.from_pretrained(vision)(image, return_tensors="pt")
    tokenizer = AutoTokenizer.from_pretrained(text)
    tokens = tokenizer(
        list(QUESTION_TEXTS), padding="max_length", truncation=True, return_tensors="pt"
    )
    with torch.no_grad():
        seen = llava.model.vision_tower(**pixels).pooler_output[0]
        read = siglip.get_text_features(**tokens).pooler_output
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "circles_pooled.npy", seen.numpy())
    np.save(out / "captions_pooled.npy", read.numpy())
