"""A request as the tensors of TensorRT-LLM's C++ backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.decoder.engines.legacy.tensors import INPUTS
from builders.decoder.stages.asking.request import Ask
from builders.decoder.stages.compiled.tensors import Vocabulary, tensors
from builders.kit.invalid_argument import InvalidArgument

VOCABULARY = Vocabulary(size=1000, eos=(5, 7, 9), pad=0)
IDS = np.arange(100, 110)
DTYPES = {each.name: each.dtype.numpy for each in INPUTS if each.dtype.value != "BYTES"}
RANKS = {each.name: len(each.axes) for each in INPUTS}


def asked(
    ask: Ask | None = None, images: Any = (), ids: np.ndarray = IDS, **keys: Any
) -> dict[str, np.ndarray]:
    return tensors(ask or Ask(text="x", **keys), ids, images, 32, VOCABULARY, seed=11)


def check(found: dict[str, np.ndarray]) -> None:
    """Every tensor is one of the backend's, of its type, with a batch axis of size 1."""
    for name, array in found.items():
        assert array.dtype == DTYPES[name], name
        assert array.shape[0] == 1, name
        # An axis of size 1 stands for a config's reshape, which takes it away.
        assert array.ndim == max(2, RANKS[name]), name


def test_a_greedy_prompt() -> None:
    found = asked()
    check(found)
    assert {name: each.reshape(-1).tolist() for name, each in found.items()} == {
        "input_ids": IDS.tolist(),
        "input_lengths": [10],
        "request_output_len": [32],
        "end_id": [5],
        "pad_id": [0],
        "beam_width": [1],
        "streaming": [True],
        "exclude_input_in_output": [True],
        "frequency_penalty": [0.0],
        "presence_penalty": [0.0],
        "runtime_top_k": [1],
        "temperature": [1.0],
        # Two further tokens that end a text: each a word of one token.
        "stop_words_list": [7, 9, 1, 2],
    }
    assert found["stop_words_list"].shape == (1, 2, 2)


def test_sampling_is_passed_on_and_has_a_seed() -> None:
    found = asked(temperature=0.5, top_p=0.75, top_k=3, frequency_penalty=1.5, presence_penalty=-1)
    check(found)
    sampled = ("temperature", "runtime_top_p", "runtime_top_k", "frequency_penalty", "seed")
    assert [found[name].item() for name in sampled] == [0.5, 0.75, 3, 1.5, 11]
    assert asked(temperature=0.5, seed=-1)["seed"].item() == 2**64 - 1
    assert asked(temperature=0.5, seed=7)["seed"].item() == 7


def test_nothing_ends_a_text_that_is_to_be_measured() -> None:
    found = asked(ignore_eos=True)
    assert found["end_id"].item() == -1
    assert "stop_words_list" not in found


def test_images_are_tokens_behind_the_vocabulary() -> None:
    rows = np.arange(5 * 4, dtype=np.float32).reshape(5, 4) / 8
    found = asked(Ask(text="x", image_rows=rows), images=((2, 2), (6, 3)))
    check(found)
    expected = [100, 101, 1000, 1001, 104, 105, 1002, 1003, 1004, 109]
    assert found["input_ids"].tolist() == [expected]
    assert found["prompt_vocab_size"].tolist() == [[5]]
    assert found["prompt_embedding_table"].tolist() == [rows.tolist()]
    extra = found["prompt_table_extra_ids"][0]
    assert len(extra) == len(IDS)
    assert [bool(each) for each in extra] == [each >= 1000 for each in expected]
    assert len(set(extra[2:4].tolist())) == len(set(extra[6:9].tolist())) == 1
    assert extra[2] != extra[6]
    assert IDS.tolist() == list(range(100, 110)), "the prompt is left as it is"


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_images_share_a_cache_only_if_they_are_equal(one: int, other: int) -> None:
    def extra(seed: int) -> int:
        rows = np.random.default_rng(seed).standard_normal((2, 4)).astype(np.float32)
        found = asked(Ask(text="x", image_rows=rows), images=((0, 2),))
        return int(found["prompt_table_extra_ids"][0, 0])

    assert extra(one) != 0
    assert (extra(one) == extra(other)) == (one == other)


def test_numbers_that_fp16_does_not_hold_are_refused() -> None:
    rows = np.full((1, 4), 70_000, np.float32)
    with pytest.raises(InvalidArgument, match=r"numbers up to 65504, as FP16 holds, found 70000"):
        asked(Ask(text="x", image_rows=rows), images=((0, 1),))
    asked(Ask(text="x", image_rows=rows / 2), images=((0, 1),))
