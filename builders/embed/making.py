"""From the options of a profile to the pipeline ``text_embed``."""

from __future__ import annotations

from builders.embed import metric
from builders.embed.checkpoint.read import Embedder, read_embedder
from builders.embed.exports import SOURCE, embedder_export, tokenizer_export
from builders.embed.options import EmbedOptions
from builders.errors import FamilyError
from builders.kit.family import Conditions, Family
from builders.kit.graph import (
    BATCH,
    ONE_THREAD,
    DynamicBatching,
    Ensemble,
    InstanceGroup,
    OnnxModel,
    Tensor,
)
from builders.stages.models import tokenise
from repository.arrays import DType
from repository.errors import KitError
from repository.findings import finding_of

STEP = 8
"""Texts are filled up to a multiple of so many tokens, so that short ones of different requests
have equal lengths, and are joined into one call."""


def make(options: EmbedOptions, conditions: Conditions) -> Family:
    """The family of a profile's checkpoint.

    Args:
        options: what the profile says.
        conditions: what else it does.

    Raises:
        FamilyError: the checkpoint cannot be served; all that is wrong.
    """
    try:
        embedder = read_embedder(conditions.checkpoint(options.source))
    except KitError as error:
        found, remedy = str(error).rstrip("."), "Or name another source."
        at = conditions.place("source")
        raise FamilyError(error.findings or [finding_of("embed", at, "", found, remedy)]) from error
    return Family(
        name="embed",
        sources={SOURCE: options.source},
        pipelines=(pipeline(embedder, options.maximum_texts),),
        metrics=(metric.recall(options.maximum_texts),),
    )


def pipeline(embedder: Embedder, maximum_texts: int) -> Ensemble:
    """``tokenise_text >> embed_text``.

    Args:
        embedder: what is served of the checkpoint.
        maximum_texts: of a request.
    """
    tokenise_text = tokenise(
        "tokenise_text",
        tokenizer_export(embedder),
        maximum_length=embedder.maximum_length,
        length_step=STEP,
        maximum_texts=maximum_texts,
    )
    row = {BATCH: -1, "tokens": -1}
    embed_text = OnnxModel(
        name="embed_text",
        inputs=tuple(Tensor(name, DType.INT64, row) for name in ("input_ids", "attention_mask")),
        outputs=(Tensor("embeddings", DType.FP32, {BATCH: -1, "width": embedder.width}),),
        export=embedder_export(embedder),
        max_batch_size=maximum_texts,
        batching=DynamicBatching(),
        instances=(InstanceGroup(count=2),),
        parameters=ONE_THREAD,
    )
    return Ensemble(
        name="text_embed",
        inputs=tokenise_text.inputs,
        outputs=(Tensor("embeddings", DType.FP32, {"texts": -1, "width": embedder.width}),),
        steps=tokenise_text >> embed_text,
    )
