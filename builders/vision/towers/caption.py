"""Text towers to ONNX, and what they are compared with: transformers' ``get_text_features``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from builders.kit import onnx
from builders.kit.export import Export
from builders.vision.checkpoint.caption import Caption, read_caption
from builders.vision.towers.exported import exported, tensors
from builders.vision.towers.loading import load_caption
from repository.arrays import Arrays

BATCHES = (3, 1, 6)
"""The export's own batch, then two that it never saw."""


def export(caption: Caption) -> Export:
    """The text tower of a checkpoint."""
    return exported(
        "caption_encoder",
        make_encoder,
        expected,
        partial(texts, caption),
        source="text",
        form=read_caption,
    )


def make_encoder(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the tower: ``input_ids`` INT64 [batch, tokens], and ``attention_mask`` likewise if the
    tokenizer gives one -> ``text_pooled`` FP32 [batch, pooled].

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a text tower that is served.
        OnnxError: torch cannot export it.
    """
    from builders.vision.towers.modules.caption import EncodeCaption

    caption, model = load_caption(checkpoint)
    example = tensors(texts(caption)[0])
    # A text tower that fills up has one length, and its last token is what counts.
    axes = {0: "batch"} if caption.fills else {0: "batch", 1: "tokens"}
    made = onnx.export_torch(
        EncodeCaption(model),
        example,
        axes=dict.fromkeys(example, axes),
        outputs=["text_pooled"],
    )
    onnx.save(made, out)
    return {
        "architecture": caption.architecture,
        "tokens": caption.tokens,
        "masked": caption.masked,
    }


def texts(caption: Caption) -> Sequence[Arrays]:
    """Random tokens, in three batches; of lengths of their own if the tower takes any.

    A text of CLIP's ends somewhere in the second half of its row. Without an end it would be read
    off at its first token, and nothing behind that would be compared.
    """
    random = np.random.default_rng(11)
    most = caption.tokens
    lengths = (most,) * 3 if caption.fills else (max(most // 2, 2), most, 2)
    made: list[Arrays] = []
    for batch, length in zip(BATCHES, lengths, strict=True):
        ids = random.integers(0, caption.vocabulary, (batch, length), np.int64)
        if caption.end is not None:
            ends = random.integers(length // 2, length, batch)
            ids = np.where(ids == caption.end, 0 if caption.end else 1, ids)
            ids[np.arange(batch), ends] = caption.end
        found = {"input_ids": ids}
        if caption.masked:
            counted = random.integers(1, length + 1, (batch, 1))
            found["attention_mask"] = (np.arange(length) < counted).astype(np.int64)
        made.append(found)
    return made


def expected(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What transformers gives for the same tokens."""
    import torch

    _, model = load_caption(checkpoint)
    given = tensors(inputs)
    with torch.no_grad():
        if hasattr(model, "get_text_features"):
            found = model.get_text_features(**given).pooler_output
        else:
            answer = model(**given)
            projected = getattr(answer, "text_embeds", None)
            found = answer.pooler_output if projected is None else projected
    return {"text_pooled": found.numpy()}
