"""Small tokenizers of the kinds that decoders have."""

from __future__ import annotations

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

WORDS = ("the", "red", "circle", "Hello", "world", "中", "né", "user", "assistant", "system")
"""What has a token of its own; what else there is, is made of letters or bytes."""

SPECIAL = ("<unk>", "<s>", "</s>", "<image>", "<|im_start|>", "<|im_end|>")


def _merges(word: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The pieces from left to right that make a word, and the merges that make them."""
    pieces = [word[:end] for end in range(2, len(word) + 1)]
    return pieces, [(word[: end - 1], word[end - 1]) for end in range(2, len(word) + 1)]


def _bpe(letters: list[str], words: list[str], **options: object) -> Tokenizer:
    vocabulary = dict.fromkeys([*SPECIAL, *letters])
    merges: dict[tuple[str, str], None] = {}
    for word in words:
        pieces, made = _merges(word)
        vocabulary.update(dict.fromkeys(pieces))
        merges.update(dict.fromkeys(made))
    return Tokenizer(
        models.BPE(
            vocab={piece: number for number, piece in enumerate(vocabulary)},
            merges=list(merges),
            **options,
        )
    )


def byte_level() -> Tokenizer:
    """As GPT-2, Qwen and SmolLM: pieces of bytes."""
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())

    def shown(word: str) -> str:
        return level.pre_tokenize_str(word)[0][0]

    words = [shown(word) for word in WORDS] + [shown(f" {word}") for word in WORDS[:5]]
    made = _bpe(letters, words)
    made.pre_tokenizer = level
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    return _special(made)


def byte_fallback() -> Tokenizer:
    """As Llama 2 and Mistral: words begin with a bar, and what has no piece becomes bytes."""
    letters = [f"<0x{byte:02X}>" for byte in range(256)]
    letters += ["▁", *sorted({*"abcdefghijklmnopqrstuvwxyz", *".,?!\nHé中"})]
    made = _bpe(
        letters,
        [f"▁{word}" for word in WORDS] + list(WORDS[:4]),
        unk_token="<unk>",
        byte_fallback=True,
        fuse_unk=True,
    )
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return _special(made)


def metaspace() -> Tokenizer:
    """As T5 and newer Llama 2 files: a Unigram model of words that begin with a bar."""
    letters = ["▁", *sorted({*"abcdefghijklmnopqrstuvwxyzHé中.,?!<>|/_\n"})]
    pieces = [*SPECIAL, *letters, *(f"▁{word}" for word in WORDS)]
    made = Tokenizer(
        models.Unigram([(piece, -float(len(pieces) - n)) for n, piece in enumerate(pieces)], 0)
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    made.decoder = decoders.Metaspace(prepend_scheme="first", split=False)
    return _special(made)


def _special(made: Tokenizer) -> Tokenizer:
    made.add_special_tokens([AddedToken(each, normalized=False, special=True) for each in SPECIAL])
    made.add_tokens([AddedToken("<think>", normalized=False), AddedToken("   ", normalized=False)])
    return made


MADE = {each.__name__: each for each in (byte_level, byte_fallback, metaspace)}
