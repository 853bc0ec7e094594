"""Texts to tokens: equal to transformers' on any text, and a sentence for what is no text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.kit.invalid_argument import InvalidArgument
from builders.kit.sources.error import SourceError
from builders.stages import tokenise, tokenizer_file

LONGEST = 12

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def word_pieces(folder: Path, **settings: Any) -> Path:
    """A BERT tokenizer of letters and a few words, whose file cuts and fills at 4 tokens."""
    from transformers import BertTokenizer

    letters = [chr(each) for each in (*range(33, 127), 0xE9, 0x4E2D, 0x1F600)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters)]
    pieces += ["red", "circle", "##s", "three"]
    made = BertTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, **settings)
    made.save_pretrained(folder)
    held = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    held["truncation"] = {
        "direction": "Right",
        "max_length": 4,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    held["padding"] = {
        "strategy": {"Fixed": 4},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    (folder / "tokenizer.json").write_text(json.dumps(held), "utf-8")
    return folder


def bytes_in_pairs(folder: Path) -> Path:
    """A RoBERTa tokenizer, which knows every byte, and whose padding token is number 1."""
    from tokenizers import pre_tokenizers
    from transformers import RobertaTokenizer

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces += sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces += ["re", "red", "Ġred"]
    RobertaTokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=[("r", "e"), ("re", "d"), ("Ġ", "red")],  # type: ignore[list-item]
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=[word_pieces, bytes_in_pairs])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = request.param(tmp_path_factory.mktemp(request.param.__name__))
    return made


def stage(checkpoint: Path, folder: Path, **parameters: object) -> Run:
    folder.mkdir(exist_ok=True)
    tokenizer_file.write(checkpoint, folder / "tokenizer.json")
    asked: dict[str, object] = {"maximum_length": LONGEST, "maximum_texts": 8} | parameters
    return tokenise.prepare(folder, {name: str(value) for name, value in asked.items()})


def asked(texts: Sequence[str | bytes]) -> dict[str, np.ndarray]:
    values = [each.encode() if isinstance(each, str) else each for each in texts]
    return {"text": np.array(values, np.object_)}


@pytest.fixture(scope="module")
def both(
    checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, Callable[[Sequence[str]], dict[str, np.ndarray]]]:
    """The stage, and transformers' own tokenizer of the same folder."""
    from transformers import AutoTokenizer

    own = AutoTokenizer.from_pretrained(checkpoint)

    def reference(texts: Sequence[str]) -> dict[str, np.ndarray]:
        made = own(
            list(texts), padding=True, truncation=True, max_length=LONGEST, return_tensors="np"
        )
        return {name: np.asarray(made[name]) for name in ("input_ids", "attention_mask")}

    return stage(checkpoint, tmp_path_factory.mktemp("stage")), reference


TEXTS = st.lists(
    st.one_of(
        st.text(min_size=1, max_size=40),
        st.lists(st.sampled_from(["red", "circle", "RED", "[MASK]", "</s>", "<pad>", "é", "中"]))
        .map(" ".join)
        .filter(bool),
    ).filter(lambda text: bool(text.strip())),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(texts=TEXTS)
def test_tokens_are_those_of_transformers(
    both: tuple[Run, Callable[[Sequence[str]], dict[str, np.ndarray]]], texts: list[str]
) -> None:
    run, reference = both
    found, expected = run(asked(texts)), reference(texts)
    for name, values in expected.items():
        assert found[name].dtype == np.int64
        np.testing.assert_array_equal(found[name], values)


def test_rows_are_filled_to_the_longest_to_its_step_or_to_a_length(
    checkpoint: Path, tmp_path: Path
) -> None:
    texts = asked(["red", "r e d"])
    widths = [
        stage(checkpoint, tmp_path, **parameters)(texts)["input_ids"].shape
        for parameters in ({}, {"length_step": 4}, {"length_step": 100}, {"padded_length": 12})
    ]
    longest = widths[0][1]
    assert widths[1:] == [(2, -(-longest // 4) * 4), (2, LONGEST), (2, 12)]


def test_texts_are_put_into_small_letters_where_the_checkpoint_wants_that(
    checkpoint: Path, tmp_path: Path
) -> None:
    small = stage(checkpoint, tmp_path)(asked(["red ä"]))["input_ids"]
    tokenizer_file.write(checkpoint, tmp_path / "tokenizer.json", lower_case=True)
    run = tokenise.prepare(tmp_path, {"maximum_length": "12", "maximum_texts": "8"})
    np.testing.assert_array_equal(run(asked(["RED Ä"]))["input_ids"], small)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "from 1 to 8 texts in a request, found none"),
        (["a"] * 9, "from 1 to 8 texts in a request, found 9"),
        (["red", "", " \t\n"], "number 2, 3 of 3 is empty"),
        ([""] * 7, "number 1, 2, 3, 4 and 3 more of 7 is empty"),
        (["red", b"\xff\xfe", b"\xed\xa0\x80"], "number 2, 3 of 3 is not UTF-8"),
        (["x" * 600, "y" * 401], "1001 bytes, more than the 1000 of a request"),
    ],
)
def test_what_is_no_text_is_refused_in_a_sentence(
    checkpoint: Path, tmp_path: Path, texts: list[str | bytes], said: str
) -> None:
    run = stage(checkpoint, tmp_path, maximum_bytes=1000)
    with pytest.raises(InvalidArgument, match=said):
        run(asked(texts))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", ["x" * 1_000_000, "red " * 250_000, "中" * 333_333])
def test_a_text_of_a_megabyte_is_cut(checkpoint: Path, tmp_path: Path, text: str) -> None:
    found = stage(checkpoint, tmp_path)(asked([text, "red"]))
    assert found["input_ids"].shape[1] <= LONGEST
    assert found["attention_mask"].any(1).all()


def test_a_tokenizer_that_cannot_be_served_is_refused(tmp_path: Path) -> None:
    left = word_pieces(tmp_path / "left", padding_side="left")
    with pytest.raises(SourceError, match=r"fills on the right, found 'left'"):
        tokenizer_file.write(left, tmp_path / "tokenizer.json")
    bare = word_pieces(tmp_path / "bare")
    (bare / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(SourceError, match="in the tokenizers package's format"):
        tokenizer_file.write(bare, tmp_path / "tokenizer.json")
    many = word_pieces(tmp_path / "many")
    with pytest.raises(SourceError, match=r"at most 40 tokens.*found 20\d"):
        tokenizer_file.write(many, tmp_path / "tokenizer.json", vocabulary=40)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SourceError, match="expected a tokenizer that transformers loads"):
        tokenizer_file.write(empty, tmp_path / "tokenizer.json")
