"""The tokenizer: pieces as SentencePiece writes them, one piece a word wherever it can be.

A word of the vocabulary is one piece; what stands in several words is a piece of its own (sixteen
is six and teen, hours is hour and s). Letters make up every other word, which the tokenizer can
write although the model was never taught to hear it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.asr.text import words

UNKNOWN, BLANK = "<unk>", "<pad>"
"""As NVIDIA's checkpoints name them: CTC's blank is the padding token, the last of all."""

ENDINGS = ("teen", "ty", "th", "s")
"""Pieces that end a word whose beginning is a word too."""

_SPACE = "▁"
_WORD, _LETTER = -6.0, -12.0
"""Log-probabilities of the unigram model: two words' worth costs less than one letter more."""


def pieces() -> list[tuple[str, float]]:
    """Every piece but the blank, with its log-probability."""
    whole = [word for word in words.VOCABULARY if not _compound(word)]
    letters = [(letter, _LETTER) for letter in words.LETTERS if letter not in ENDINGS]
    return [
        (UNKNOWN, 0.0),
        *((_SPACE + word, _WORD) for word in whole),
        *((ending, _WORD) for ending in ENDINGS),
        *letters,
        (_SPACE, _LETTER),
    ]


def build() -> Any:
    """The ``tokenizers.Tokenizer``: a unigram model on words, spaces written as "▁"."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import Unigram

    made = Tokenizer(Unigram(pieces(), unk_id=0))
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always")
    made.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme="always")
    made.add_special_tokens([AddedToken(BLANK, special=True, normalized=False)])
    return made


def save(folder: Path) -> None:
    """Write what ``AutoProcessor`` reads: tokenizer, feature extractor, processor."""
    from transformers import ParakeetProcessor, ParakeetTokenizer

    from training.asr.sound.features import extractor

    tokenizer = ParakeetTokenizer(
        tokenizer_object=build(),
        unk_token=UNKNOWN,
        pad_token=BLANK,
        clean_up_tokenization_spaces=False,
    )
    processor = ParakeetProcessor(extractor(), tokenizer, decoder_type="ctc")
    processor.save_pretrained(folder)


def _compound(word: str) -> bool:
    return any(
        word.endswith(ending) and word.removesuffix(ending) in words.VOCABULARY
        for ending in ENDINGS
        if len(word) > len(ending) + 2
    )
