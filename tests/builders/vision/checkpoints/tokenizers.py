"""Tiny tokenizers as CLIP's, SigLIP's and SigLIP 2's are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = ("a", "red", "circle", "three", "squares", "the", "left", "of", "photo")

VOCABULARY = 600
"""Tokens that a text tower knows; no tokenizer here has as many."""

BEGIN, END = 598, 599
"""The last ones, as CLIP has them."""


def clip(folder: Path) -> Path:
    """Bytes in pairs, in small letters, between a token for the beginning and one for the end."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "re", "red</w>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    vocabulary |= {"<|startoftext|>": BEGIN, "<|endoftext|>": END}
    merges: Any = [("r", "e"), ("re", "d</w>")]
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)
    tokenizer.save_pretrained(folder)
    return folder


def siglip(folder: Path, **settings: Any) -> Path:
    """Words in small letters without punctuation, and a token for the end, as SigLIP's."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "</s>", *WORDS]
    made = Tokenizer(
        models.WordLevel({piece: number for number, piece in enumerate(pieces)}, unk_token="<unk>")
    )
    made.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex(r"[.,!?]"), "")]
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="<unk>",
        eos_token="</s>",
        pad_token="</s>",
        **{"model_max_length": 16, "model_input_names": ["input_ids"], **settings},
    ).save_pretrained(folder)
    return folder
