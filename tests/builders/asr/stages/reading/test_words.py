"""Tokens to words with times and scores, and segments of them to outputs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE, WordLevel

from builders.asr.stages.join_segments import tensors
from builders.asr.stages.reading import ctc
from builders.asr.stages.reading.ctc import Token
from builders.asr.stages.reading.words import Timing, Vocabulary, Word

PIECES = ("<unk>", "\u2581turn", "\u2581", "on", "ed", "\u2581s", "ix", "<pad>")
BLANK = PIECES.index("<pad>")


def vocabulary() -> Vocabulary:
    tokenizer = Tokenizer(WordLevel({piece: at for at, piece in enumerate(PIECES)}, "<unk>"))
    tokenizer.decoder = decoders.Metaspace()
    return Vocabulary(tokenizer, [0, BLANK])


def path(*names: str, certain: float = 0.9) -> np.ndarray:
    """Log-probabilities [steps, tokens] in which these pieces are the best."""
    rest = (1 - certain) / (len(PIECES) - 1)
    steps = np.full((len(names), len(PIECES)), rest, np.float32)
    for step, name in zip(steps, names, strict=True):
        step[PIECES.index(name)] = certain
    return np.log(steps)


def test_repeats_are_one_token_unless_a_blank_parts_them() -> None:
    found = ctc.greedy(path("on", "on", "<pad>", "on", "ed", "<pad>"), BLANK)
    assert [(each.index, each.start, each.end) for each in found] == [
        (3, 0, 2),
        (3, 3, 4),
        (4, 4, 5),
    ]
    assert [round(each.score, 4) for each in found] == [0.9] * 3
    assert ctc.greedy(np.zeros((0, len(PIECES)), np.float32), BLANK) == []
    assert ctc.greedy(path("<pad>", "<pad>"), BLANK) == []


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_tokens_are_in_order_apart_and_as_many_as_the_path_has(names: list[str]) -> None:
    found = ctc.greedy(path(*names), BLANK) if names else []
    wanted = [name for name, _ in itertools.groupby(names) if name != "<pad>"]
    assert [PIECES[each.index] for each in found] == wanted
    for before, after in itertools.pairwise(found):
        assert before.start < before.end <= after.start


def test_pieces_with_the_mark_begin_words_and_silent_ones_are_none() -> None:
    spelt = [
        *(Token(1, 0, 2, 0.8), Token(4, 2, 3, 0.6), Token(0, 3, 4, 0.1)),
        *(Token(2, 5, 6, 0.5), Token(3, 6, 8, 1.0), Token(5, 9, 10, 0.9), Token(6, 10, 12, 0.7)),
    ]
    found = vocabulary().words(spelt)
    assert [(each.text, each.start, each.end) for each in found] == [
        ("turned", 0, 3),
        ("on", 5, 8),
        ("six", 9, 12),
    ]
    assert [each.score for each in found] == pytest.approx([0.7, 0.75, 0.8])


def test_a_mark_alone_is_no_word() -> None:
    assert vocabulary().words([Token(2, 0, 1, 0.9)]) == []
    assert vocabulary().words([]) == []


def test_a_first_piece_without_the_mark_begins_a_word_too() -> None:
    (found,) = vocabulary().words([Token(6, 4, 5, 0.9)])
    assert (found.text, found.start, found.end) == ("ix", 4, 5)


def test_byte_level_pieces_make_words_of_any_letters() -> None:
    tokenizer = Tokenizer(BPE({"\u0120caf": 0, "\u00c3": 1, "\u00a9": 2, "\u0120au": 3}, []))
    tokenizer.decoder = decoders.ByteLevel()
    words = Vocabulary(tokenizer, []).words([Token(k, k, k + 1, 1.0) for k in range(4)])
    assert [each.text for each in words] == ["caf\u00e9", "au"]


def test_times_are_of_the_sound_and_end_with_their_segment() -> None:
    first = [Word("turn", 2, 5, 0.9), Word("on", 6, 40, 0.7)]
    made = tensors([(1.0, 2.0, first), (4.5, 5.0, [Word("six", 0, 3, 0.5)])], Timing(0.08, 0))
    assert made["text"].tolist() == [b"turn on six"]
    assert made["segment_text"].tolist() == [b"turn on", b"six"]
    np.testing.assert_allclose(made["segments"], [(1, 2), (4.5, 5)])
    np.testing.assert_allclose(made["word_times"], [(1.16, 1.4), (1.48, 2.0), (4.5, 4.74)])
    np.testing.assert_allclose(made["scores"], [0.8, 0.5])
    np.testing.assert_allclose(made["word_scores"], [0.9, 0.7, 0.5])


def test_a_word_begins_before_the_step_that_wrote_it_and_not_in_the_one_before() -> None:
    words = [Word("turn", 2, 5, 0.9), Word("on", 6, 7, 0.9), Word("six", 30, 31, 0.9)]
    spans = Timing(0.1, 0.25).spans(words, 1.0, 4.0)
    np.testing.assert_allclose(spans, [(1.0, 1.5), (1.5, 1.7), (3.75, 4.0)])


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=12),
    st.floats(0, 3600),
    st.floats(0.01, 8),
    st.floats(0, 1),
)
def test_words_are_in_order_inside_their_segment_whatever_their_lead(
    placed: list[tuple[int, int]], start: float, length: float, lead: float
) -> None:
    edges = list(itertools.accumulate(itertools.chain.from_iterable(placed)))
    words = [Word("six", a, b, 0.5) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    spans = Timing(0.08, lead).spans(words, start, start + length)
    flat = [start, *itertools.chain.from_iterable(spans), start + length]
    assert flat == sorted(flat)
    # A lead moves beginnings alone, and by no more than itself.
    plain = Timing(0.08, 0).spans(words, start, start + length)
    for (a, b), (begin, end) in zip(plain, spans, strict=True):
        assert b == end and a - lead - 1e-9 <= begin <= a


def test_nothing_read_gives_empty_outputs_of_the_right_shapes() -> None:
    made = tensors([], Timing(0.08, 0.2))
    assert {name: array.shape for name, array in made.items()} == {
        "text": (0,),
        "segments": (0, 2),
        "segment_text": (0,),
        "scores": (0,),
        "words": (0,),
        "word_times": (0, 2),
        "word_scores": (0,),
    }
    assert all(made[name].dtype == np.float32 for name in ("segments", "scores", "word_times"))
