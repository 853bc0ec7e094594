"""Tokens to text, one by one: together what the tokenizer makes of all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from builders.decoder.stages.writing.pieces import Writer
from tests.builders.decoder.tokenizers_made import MADE, SPECIAL, byte_fallback, byte_level

TOKENIZERS = {name: make() for name, make in MADE.items()}

named = pytest.mark.parametrize("name", [*TOKENIZERS])


def pieces(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[str]:
    writing = Writer(tokenizer).begin()
    return [*map(writing.take, tokens), writing.end()]


@named
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_tokens_are_as_the_tokenizer_writes_them(name: str, data: st.DataObject) -> None:
    tokenizer = TOKENIZERS[name]
    # Some above the vocabulary too: a model may have more rows than its tokenizer tokens.
    numbers = st.integers(0, tokenizer.get_vocab_size() + 3)
    tokens = data.draw(st.lists(numbers, max_size=30))
    assert "".join(pieces(tokenizer, tokens)) == tokenizer.decode(tokens, skip_special_tokens=True)


@named
@settings(max_examples=200, deadline=None)
@given(text=st.text() | st.text("Hello wrd中é\U0001f600\u0915\u094d\n "))
def test_texts_are_written_whole(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    out = pieces(tokenizer, tokens)
    assert "".join(out) == tokenizer.decode(tokens, skip_special_tokens=True)
    if "\ufffd" not in text:
        assert not any("\ufffd" in each for each in out)


def test_a_character_goes_out_when_it_is_whole() -> None:
    tokenizer = byte_level()
    tokens = tokenizer.encode("é\U0001f600!").ids
    assert pieces(tokenizer, tokens) == ["", "é", "", "", "", "\U0001f600", "!", ""]


def test_bytes_wait_for_what_ends_them() -> None:
    tokenizer = byte_fallback()
    tokens = tokenizer.encode("a\U0001f600b").ids
    assert pieces(tokenizer, tokens)[-6:] == ["", "", "", "", "\U0001f600b", ""]
    assert pieces(tokenizer, tokens[:-1])[-1] == "\U0001f600"
    # Half of a character spoils those before it, as the tokenizer has it.
    assert pieces(tokenizer, tokens[:-2])[-1] == "\ufffd" * 3


@pytest.mark.parametrize("make", [byte_level, byte_fallback])
def test_what_is_incomplete_at_the_end_is_replaced(make: Callable[[], Tokenizer]) -> None:
    tokenizer = make()
    tokens = tokenizer.encode("\U0001f600").ids[:-1]
    assert "\ufffd" in pieces(tokenizer, tokens)[-1]
    assert "".join(pieces(tokenizer, tokens)) == tokenizer.decode(tokens)


@named
def test_special_tokens_have_no_text(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    tokens = [tokenizer.token_to_id(each) or 0 for each in SPECIAL]
    assert pieces(tokenizer, tokens) == [""] * (len(tokens) + 1)


def test_answers_are_written_side_by_side() -> None:
    tokenizer = byte_level()
    writer = Writer(tokenizer)
    first, second = tokenizer.encode("é").ids
    one, two = writer.begin(), writer.begin()
    assert (one.take(first), two.take(second)) == ("", "\ufffd")
    assert one.take(second) == "é"


@pytest.mark.parametrize(
    "decoder",
    [
        None,
        decoders.WordPiece(),
        decoders.BPEDecoder(),
        decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)]),
        decoders.Sequence([decoders.ByteFallback(), decoders.ByteLevel()]),
    ],
    ids=str,
)
@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12))
def test_other_decoders(decoder: decoders.Decoder | None, tokens: list[int]) -> None:
    words = ["red", "Ġblue", "##s", "up</w>", ".", "Ã©"]
    tokenizer = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(words)}, "red")
    )
    if decoder is not None:
        tokenizer.decoder = decoder
    assert "".join(pieces(tokenizer, tokens)) == tokenizer.decode(tokens)


@pytest.mark.parametrize("make", [byte_level, byte_fallback])
def test_the_time_grows_with_the_length_alone(make: Callable[[], Tokenizer]) -> None:
    """Broken bytes too: nothing is decoded again from the beginning."""
    tokenizer = make()
    broken = tokenizer.encode("\U0001f600").ids[-1]
    decoded = 0
    writing = Writer(tokenizer).begin()
    for _ in range(20_000):
        decoded += len(writing.take(broken))
    decoded += len(writing.end())
    assert decoded == 20_000
