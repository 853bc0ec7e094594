"""Marks around what users write: which tokens of a filled-in template are its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.decoder.stages.asking.marks import ANY, CLOSE, CUT, OPEN, Guard, Marked, any_of

SPECIAL, WRITTEN = ("<|end|>", "<s>"), ("</think>",)
GUARD = Guard(SPECIAL, WRITTEN)
TOKENS = any_of((*SPECIAL, *WRITTEN))


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Hello", "Hello"),
        ("a < b and b > c", "a < b and b > c"),
        ("a <|end|> b", f"a <{CUT}|end|> b"),
        ("a</think>b", f"a{OPEN}</think>{CLOSE}b"),
        ("so far <|en ", f"so far <|en{CUT} "),
        (" d|> and on", f" {CUT}d|> and on"),
        ("end", f"{CUT}end{CUT}"),
        ("", ""),
        (" \n", " \n"),
        (f"a{OPEN}b\ufdefc", "a\ufffdb\ufffdc"),
    ],
)
def test_marks(text: str, marked: str) -> None:
    assert GUARD.marked(text) == marked


def own(text: str) -> tuple[list[str], bool]:
    made = Marked(text)
    spans, others = made.own(TOKENS)
    return [made.text[start:end] for start, end in spans], others


@pytest.mark.parametrize(
    ("text", "found", "others"),
    [
        ("<s>a<|end|>", ["<s>", "<|end|>"], False),
        (f"<s>{GUARD.marked('<|end|>')}<|end|>", ["<s>", "<|end|>"], True),
        (f"<s>{GUARD.marked('x</think>')}<|end|>", ["<s>", "<|end|>"], True),
        # Two texts that the template joins, and a text that it continues.
        (f"{GUARD.marked('x<|e')}{GUARD.marked('nd|>')}<|end|>", ["<|end|>"], True),
        (f"{GUARD.marked('<|')}{GUARD.marked('en')}{GUARD.marked('d|>')}", [], True),
        (f"<|{GUARD.marked('end')}|>", [], True),
        # The template cut the user's text at the token, and writes its own.
        (f"x{OPEN}</think>", ["</think>"], False),
        (f"<s>{CLOSE}x{OPEN}<|end|>", ["<s>", "<|end|>"], False),
        (f"{OPEN}x</think>y{CLOSE}", ["</think>"], False),
        # A mark beside a token is not in it.
        (f"{GUARD.marked('1 <')}<s>", ["<s>"], False),
    ],
)
def test_which_tokens_are_the_templates_own(text: str, found: list[str], others: bool) -> None:
    assert own(text) == (found, others)


PIECES = st.lists(st.sampled_from(["<|end|>", "<s>", "</think>", *"<|>s/end "]), max_size=8)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES.map("".join), min_size=1, max_size=4), st.booleans())
def test_users_write_no_token(texts: list[str], stripped: bool) -> None:
    marked = [GUARD.marked(text) for text in texts]
    if stripped:
        marked = [text.strip() for text in marked]
        texts = [text.strip() for text in texts]
    between = "<|end|>"
    assert own("".join(marked))[0] == []
    assert own(between.join(["", *marked, ""]))[0].count(between) == len(texts) + 1
    assert Marked("".join(marked)).text == "".join(texts)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_marks_come_out_again(text: str) -> None:
    made = Marked(GUARD.marked(text))
    assert made.text == ANY.sub("\ufffd", text)


def test_no_token_is_no_mark() -> None:
    assert Guard(()).marked("a <|end|> <") == "a <|end|> <"
    assert any_of(()).search("anything") is None
