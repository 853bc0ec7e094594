"""The random decoder's tokenizer: a word of a prompt is a token, and bytes are never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from training.decoder.random import VOCABULARY, prompt, tokenizer

TOKENIZER = tokenizer()
BEGINNING = 1


def test_a_prompt_has_a_token_for_each_word_and_one_for_its_beginning() -> None:
    for words in (1, 99, 500):
        text = prompt(words, words)
        tokens = TOKENIZER.encode(text).ids
        assert len(tokens) == words + 1 and tokens[0] == BEGINNING
        assert TOKENIZER.decode(tokens) == text


def test_prompts_of_two_seeds_differ_from_their_beginning() -> None:
    assert prompt(5, 1) == prompt(5, 1)
    assert prompt(5, 1).split()[0] != prompt(5, 2).split()[0]


@given(st.text(max_size=40))
def test_every_text_comes_back(text: str) -> None:
    assert TOKENIZER.get_vocab_size() == VOCABULARY
    # The letter that stands for a space is one too.
    expected = text.replace("\u2581", " ")
    assert not any(name in text for name in ("<s>", "</s>", "<unk>"))
    assert TOKENIZER.decode(TOKENIZER.encode(text).ids) == expected
