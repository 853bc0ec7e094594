"""A Llama of random weights, for speed alone: about 100 million parameters, 32,000 tokens.

Its tokenizer is a byte-level-fallback BPE as Llama 2's, of made words: ``consonant vowel`` twice is
one token with its space before it, so a prompt has as many tokens as words, and one for its
beginning. All its parts are such as other engines' converters know.
"""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from typing import Any

VOCABULARY = 32_000
CONTEXT = 4096

_UNKNOWN, _BEGINNING, _END = "<unk>", "<s>", "</s>"
_SPACE = "▁"
_SYLLABLES = tuple("".join(pair) for pair in product("bcdfghjklmnpqrstvwxyz", "aeiou"))


def configuration() -> Any:
    """The ``LlamaConfig``."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=640,
        intermediate_size=1760,
        num_hidden_layers=12,
        num_attention_heads=10,
        num_key_value_heads=5,
        head_dim=64,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
    )


def tokenizer() -> Any:
    """The ``tokenizers.Tokenizer``: bytes, letters, syllables, and words of two and three."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors

    letters = [_SPACE, *"abcdefghijklmnopqrstuvwxyz"]
    words = ["".join(pair) for pair in product(_SYLLABLES, _SYLLABLES)]
    known = [_UNKNOWN, _BEGINNING, _END, *(f"<0x{byte:02X}>" for byte in range(256))]
    known += [*letters, *_SYLLABLES, *words, *(_SPACE + word for word in words)]
    merges = [(syllable[0], syllable[1]) for syllable in _SYLLABLES]
    merges += product(_SYLLABLES, _SYLLABLES)
    merges += [(_SPACE, word) for word in words]
    longer = list(product(words, _SYLLABLES))[: VOCABULARY - len(known)]
    merges += [(_SPACE + word, syllable) for word, syllable in longer]
    known += [_SPACE + word + syllable for word, syllable in longer]
    built = Tokenizer(
        models.BPE(
            {token: number for number, token in enumerate(known)},
            merges,
            unk_token=_UNKNOWN,
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    built.normalizer = normalizers.Sequence(
        [normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)]
    )
    built.decoder = decoders.Sequence(
        [
            decoders.Replace(_SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    built.post_processor = processors.TemplateProcessing(
        single=f"{_BEGINNING} $A", special_tokens=[(_BEGINNING, 1)]
    )
    built.add_special_tokens([_UNKNOWN, _BEGINNING, _END])
    return built


def prompt(words: int, seed: int = 0) -> str:
    """A text of so many words, each one token of :func:`tokenizer`."""
    rng = random.Random(seed)
    return " ".join("".join(rng.choices(_SYLLABLES, k=2)) for _ in range(words))


def make(folder: Path, seed: int = 0) -> None:
    """Write the checkpoint, in Hugging Face format, with its tokenizer.

    Args:
        folder: it is made if it is missing.
        seed: of the weights.
    """
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    LlamaForCausalLM(configuration()).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(),
        unk_token=_UNKNOWN,
        bos_token=_BEGINNING,
        eos_token=_END,
        pad_token=_END,
    ).save_pretrained(folder)
