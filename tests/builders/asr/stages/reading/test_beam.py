"""The beam finds the likeliest text: held against a sum over every path there is."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from builders.asr.stages.reading import beam, ctc
from builders.asr.stages.reading.word_list import LONGEST_WORD, MOST_WORDS, WordList
from builders.asr.stages.reading.word_model import WordModel
from builders.asr.stages.reading.words import Vocabulary

PIECES = ("\u2581a", "\u2581b", "a", "b", "\u2581bee", "e")
BLANK = len(PIECES)

ALL = 1000
"""A beam that drops next to nothing of what these tests give it."""


def vocabulary(pieces: Sequence[str] = PIECES) -> Vocabulary:
    """A tokenizer of these pieces, and the blank behind them."""
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces]))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["<pad>"])
    return Vocabulary(tokenizer, [len(pieces)])


SMALL = vocabulary()


def log_probs(rows: object) -> np.ndarray:
    with np.errstate(divide="ignore"):
        given = np.log(np.array(rows, np.float64))
    total: np.ndarray = np.logaddexp.reduce(given, axis=1)
    return np.asarray(given - total[:, None], np.float32)


def probable(rng: np.random.Generator, steps: int, spread: float) -> np.ndarray:
    return log_probs(np.exp(rng.normal(0, spread, (steps, BLANK + 1))))


def peaked(path: Sequence[int], size: int = BLANK + 1, peak: float = 0.99) -> np.ndarray:
    rows = np.full((len(path), size), (1 - peak) / (size - 1))
    rows[np.arange(len(path)), path] = peak
    return log_probs(rows)


def read(given: np.ndarray, width: int, listed: Sequence[str] | None = None) -> list[str]:
    if listed is None:
        path = beam.best_path(given, BLANK, width)
        return [w.text for w in SMALL.words(ctc.collapse(path, given, BLANK))]
    words = WordList(SMALL, BLANK, [word.encode() for word in listed])
    pieces = [SMALL.pieces[token] for token in words.tokens]
    rules = WordModel(SMALL, pieces, words, None)
    path = beam.best_path(given, BLANK, width, tokens=words.tokens, rules=rules)
    return [word.text for word in words.only(SMALL.words(ctc.collapse(path, given, BLANK)))]


def every_text(given: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each sequence of tokens: the sum over the paths that collapse to it."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(BLANK + 1), repeat=len(given)):
        tokens = tuple(token for token, _ in itertools.groupby(path) if token != BLANK)
        found[tokens] += float(np.exp(given[np.arange(len(path)), path].sum()))
    return found


def spelt(tokens: Sequence[int]) -> list[str]:
    return SMALL.tokenizer.decode(tokens).split()


def test_paths_add_up_where_greedy_sees_one() -> None:
    given = log_probs([[0.4, 0, 0, 0, 0, 0, 0.6]] * 2)
    assert ctc.greedy(given, BLANK) == []
    assert read(given, 4) == ["a"]


def test_an_empty_row_is_silence() -> None:
    assert read(np.zeros((0, BLANK + 1), np.float32), 4) == []
    assert ctc.greedy(np.zeros((0, BLANK + 1), np.float32), BLANK) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(1, 0.5), (2, 0.5), (3, 2.0), (4, 3.0)]))
def test_the_text_has_the_largest_sum(seed: int, size: tuple[int, float]) -> None:
    given = probable(np.random.default_rng(seed), *size)
    texts = every_text(given)
    path = beam.best_path(given, BLANK, ALL)
    found = tuple(token for token, _ in itertools.groupby(path.tolist()) if token != BLANK)
    assert texts[found] == pytest.approx(max(texts.values()), rel=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 4),
    st.lists(st.sampled_from(["a", "b", "ab", "be", "bee", "beee", "aa"]), min_size=1),
)
def test_with_a_list_the_text_has_the_largest_sum_of_those_allowed(
    seed: int, steps: int, listed: list[str]
) -> None:
    given = probable(np.random.default_rng(seed), steps, 2.0)
    allowed = {
        tokens: probability
        for tokens, probability in every_text(given).items()
        if not tokens or (PIECES[tokens[0]][0] == "\u2581" and set(spelt(tokens)) <= set(listed))
    }
    best = max(allowed.values())
    found = read(given, ALL, listed)
    assert any(
        spelt(tokens) == found and probability >= best * (1 - 1e-4)
        for tokens, probability in allowed.items()
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, BLANK), max_size=30), st.sampled_from([2, 16]))
def test_clear_speech_is_read_as_greedily(path: list[int], width: int) -> None:
    given = peaked(path).reshape(-1, BLANK + 1)
    found = ctc.collapse(beam.best_path(given, BLANK, width), given, BLANK)
    assert found == ctc.greedy(given, BLANK)


def test_a_list_puts_its_words_in_the_place_of_others() -> None:
    given = log_probs([[0.01, 0.5, 0.01, 0.01, 0.4, 0.01, 0.06], [0.01, 0.01, 0.1, 0.8, 0, 0, 0.1]])
    assert read(given, 16) == ["bb"]
    assert read(given, 16, ["bee", "a"]) == ["bee"]


def test_words_said_twice_stay_two_and_a_long_token_is_one() -> None:
    b, e, bee = 1, 5, 4
    assert read(peaked([bee, BLANK, bee]), 16, ["bee"]) == ["bee", "bee"]
    assert read(peaked([bee, bee, bee]), 16, ["bee"]) == ["bee"]
    assert read(peaked([b, e, e, e]), 16, ["be", "bee"]) == ["be"]
    assert read(peaked([b, e, BLANK, e]), 16, ["be", "bee"]) == ["bee"]


def test_a_word_cut_off_at_the_end_is_left_out() -> None:
    assert read(peaked([4, 1], peak=1 - 1e-12), 1, ["bee", "ba"]) == ["bee"]


def test_words_come_as_they_are_listed_with_times_and_scores() -> None:
    words = WordList(SMALL, BLANK, [b"bee", b"bee"])
    (found,) = words.only(SMALL.words(ctc.greedy(peaked([BLANK, 4, 4, BLANK]), BLANK)))
    assert (found.text, found.start, found.end) == ("bee", 1, 3)
    assert found.score == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("listed", "sentence"),
    [
        ([], f"expected 1 to {MOST_WORDS} words, found 0"),
        ([b"a"] * (MOST_WORDS + 1), f"found {MOST_WORDS + 1}; leave it out"),
        ([b"ab", b"abc"], "found 'abc', which has 'c'"),
        ([b"A"], "which has 'A'; write words as the model writes them"),
        ([b"ab", b"eab"], "found 'eab', which no tokens make up"),
        ([b""], "single words without white space, found ''"),
        ([b"a b"], "found 'a b'; list each word"),
        ([b"a\n"], r"found 'a\n'"),
        ([b"\xff"], r"UTF-8 text, found the bytes b'\xff'"),
        ([b"a" * (LONGEST_WORD + 1)], f"at most {LONGEST_WORD} characters, found 101"),
    ],
)
def test_a_list_that_cannot_be_said_is_refused(listed: list[bytes], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^word_list: ") as refused:
        WordList(SMALL, BLANK, listed)
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 200 and "\n" not in str(refused.value)


def test_time_is_bounded_by_width_and_not_by_the_list() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    large = vocabulary([*(f"\u2581{letter}" for letter in letters), *letters])
    rng = np.random.default_rng(0)
    listed = ["".join(rng.choice(list(letters), size)) for size in rng.integers(3, 9, 10_000)]
    started = time.process_time()
    words = WordList(large, len(large.pieces) - 1, [word.encode() for word in listed])
    assert time.process_time() - started < 15
    given = log_probs(np.exp(rng.normal(0, 3, (125, 53))))
    pieces = [large.pieces[token] for token in words.tokens]
    rules = WordModel(large, pieces, words, None)
    started = time.process_time()
    path = beam.best_path(given, 52, beam.WIDTH, tokens=words.tokens, rules=rules)
    assert time.process_time() - started < 15, "ten seconds of speech"
    found = words.only(large.words(ctc.collapse(path, given, 52)))
    assert found and {word.text for word in found} <= set(listed)
