"""The pipeline ``vision_text``: texts to vectors in the space of the images' ``pooled``."""

from __future__ import annotations

from dataclasses import replace

from builders.kit.graph import Ensemble, Tensor
from builders.stages.models import tokenise
from builders.stages.tokenizer_file import tokenizer_file
from builders.vision.checkpoint.caption import Caption, read_caption
from builders.vision.pipelines.models import batched
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
    tokens = {"tokens": caption.tokens if caption.fills else -1}
    names = ("input_ids", "attention_mask") if caption.masked else ("input_ids",)
    pooled = Tensor("text_pooled", DType.FP32, {"pooled": caption.pooled})
    encode_caption = batched(
        "encode_caption",
        tuple(Tensor(name, DType.INT64, tokens) for name in names),
        (pooled,),
        tower.export(caption),
        LARGEST_BATCH,
        quick=True,
    )
    return Ensemble(
        name="vision_text",
        inputs=tokenise_caption.inputs,
        outputs=(replace(pooled, axes={"texts": -1, **pooled.axes}),),
        steps=tokenise_caption >> encode_caption,
    )
