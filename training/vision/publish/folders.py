"""The folders of both checkpoints, as transformers reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from training.vision.learning import models
from training.vision.scenes.draw import PATCH
from training.vision.scenes.scene import SIDE
from training.vision.text import tokenizer as pieces

ANSWER_TOKENS = 40
"""The most tokens of an answer, for generate."""


def write_vision(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a LLaVA's folder anew.

    Args:
        model: the ``LlavaForConditionalGeneration``.
        tokenizer: of the run.
        folder: of the checkpoint.
    """
    from transformers import GenerationConfig, LlavaProcessor

    _empty(folder)
    text = model.config.text_config
    model.generation_config = GenerationConfig(
        bos_token_id=text.bos_token_id,
        eos_token_id=text.eos_token_id,
        pad_token_id=text.pad_token_id,
        do_sample=False,
        max_new_tokens=ANSWER_TOKENS,
    )
    model.save_pretrained(folder)
    fast = pieces.save(tokenizer, folder, length=models.CONTEXT, text_only=False)
    processor = LlavaProcessor(
        image_processor=_image_processor(),
        tokenizer=fast,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        image_token=pieces.IMAGE,
        chat_template=pieces.CHAT_TEMPLATE,
    )
    processor.save_pretrained(folder)
    _image_processor().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def write_text(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a SigLIP's folder anew.

    Args:
        model: the ``SiglipModel``, with the same vision tower as the LLaVA.
        tokenizer: of the run.
        folder: of the checkpoint.
    """
    from transformers import SiglipProcessor

    _empty(folder)
    model.save_pretrained(folder)
    fast = pieces.save(tokenizer, folder, length=pieces.TEXT_LENGTH, text_only=True)
    SiglipProcessor(image_processor=_image_processor(), tokenizer=fast).save_pretrained(folder)
    _image_processor().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def _image_processor() -> Any:
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    return SiglipImageProcessorPil(
        do_convert_rgb=True,
        do_resize=True,
        size={"height": SIDE, "width": SIDE},
        resample=3,
        do_rescale=True,
        do_normalize=True,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
