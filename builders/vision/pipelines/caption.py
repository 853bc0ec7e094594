"""The pipeline ``vision_text``: texts to vectors in the space of the images' ``pooled``."""

from __future__ import annotations

from builders.kit.graph import BATCH, LATER_STEP, DynamicBatching, Ensemble, OnnxModel, Tensor
from builders.stages.models import tokenise
from builders.stages.tokenizer_file import tokenizer_file
from builders.vision.checkpoint.caption import Caption, read_caption
from builders.vision.towers import caption as tower
from repository.arrays import DType

LARGEST_BATCH = 64
"""Texts of a request, and in one call of the tower."""

TOKENIZER = tokenizer_file("text", form=read_caption)


def pipeline(caption: Caption) -> Ensemble:
    """``tokenise_caption >> encode_caption``.

    Args:
        caption: the text tower.
    """
    tokenise_caption = tokenise(
        "tokenise_caption",
        TOKENIZER,
        maximum_length=caption.tokens,
        padded_length=caption.tokens if caption.fills else 0,
        maximum_texts=LARGEST_BATCH,
    )
    tokens = {BATCH: -1, "tokens": caption.tokens if caption.fills else -1}
    names = ("input_ids", "attention_mask") if caption.masked else ("input_ids",)
    encode_caption = OnnxModel(
        name="encode_caption",
        inputs=tuple(Tensor(name, DType.INT64, tokens) for name in names),
        outputs=(Tensor("text_pooled", DType.FP32, {BATCH: -1, "pooled": caption.pooled}),),
        export=tower.export(caption),
        max_batch_size=LARGEST_BATCH,
        batching=DynamicBatching(),
        queue=LATER_STEP,
    )
    return Ensemble(
        name="vision_text",
        inputs=tokenise_caption.inputs,
        outputs=(Tensor("text_pooled", DType.FP32, {"texts": -1, "pooled": caption.pooled}),),
        steps=tokenise_caption >> encode_caption,
    )
