"""The encoders that are served: BERT, and what was made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from builders.kit.sources.values import Values


@dataclass(frozen=True)
class Kind:
    """A kind of encoder.

    Attributes:
        name: as people call it.
        hidden: the setting in config.json that is its width.
        counts_from_pad: positions are numbered from behind the padding token's number, and by
            where padding tokens stand, as fairseq does it.
        has_pooler: transformers' class has a pooling layer of its own, which is not served.
    """

    name: str
    hidden: str = "hidden_size"
    counts_from_pad: bool = False
    has_pooler: bool = True


KINDS: Mapping[str, Kind] = {
    "bert": Kind("BERT"),
    "camembert": Kind("CamemBERT", counts_from_pad=True),
    "distilbert": Kind("DistilBERT", hidden="dim", has_pooler=False),
    "mpnet": Kind("MPNet", counts_from_pad=True),
    "roberta": Kind("RoBERTa", counts_from_pad=True),
    "xlm-roberta": Kind("XLM-RoBERTa", counts_from_pad=True),
}
"""``model_type`` -> the encoder."""

SERVED = ", ".join(each.name for each in KINDS.values())


@dataclass(frozen=True)
class Encoder:
    """An encoder.

    Attributes:
        kind: what it is.
        hidden: the width of its vectors.
        vocabulary: how many tokens it knows.
        pad: the token that fills shorter rows.
        longest: the most tokens that it has positions for.
    """

    kind: Kind
    hidden: int
    vocabulary: int
    pad: int
    longest: int


def read_encoder(values: Values) -> Encoder:
    """The encoder in config.json; what is not served is noted."""
    kind = KINDS.get(str(values.content.get("model_type")))
    if kind is None:
        values.refuse("model_type", " or ".join(KINDS))
        return Encoder(KINDS["bert"], 1, 1, 0, 2)
    values.only(
        {
            "is_decoder": (False,),
            "add_cross_attention": (False,),
            "is_encoder_decoder": (False,),
            "position_embedding_type": ("absolute",),
            "chunk_size_feed_forward": (0,),
            "quantization_config": (),
        }
    )
    pad = values.whole("pad_token_id", default=1 if kind.counts_from_pad else 0)
    positions = values.whole("max_position_embeddings", default=512, least=1)
    longest = positions - pad - 1 if kind.counts_from_pad else positions
    if longest < 2:
        values.refuse("max_position_embeddings", f"at least {2 + positions - longest}")
    return Encoder(
        kind,
        values.whole(kind.hidden, default=768, least=1),
        values.whole("vocab_size", default=30_522, least=1),
        pad,
        max(longest, 2),
    )
