"""An n-gram model reaches the beam: from ARPA or KenLM's binary, to another choice of words."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from builders.asr.ctc import language_model
from builders.asr.family import FAMILY, join_segments
from builders.asr.stages.reading.reader import Reader
from builders.kit.sources import SourceError

ARPA = """\\data\\
ngram 1=6
ngram 2=4

\\1-grams:
-1.5\t</s>
-99\t<s>\t-0.3
-1.0\tright\t-0.2
-1.0\tzürich\t-0.2
-2.0\twrite\t-0.2
-2.0\tturn\t-0.1

\\2-grams:
-0.1\tturn right
-3.0\tturn write
-0.3\t<s> turn
-0.5\tright </s>

\\end\\
"""

BINARY = base64.b64decode(
    "bW1hcCBsbSBodHRwOi8va2hlYWZpZWxkLmNvbS9jb2RlIGZvcm1hdCB2ZXJzaW9uIDUKAAAAAAAAAAAAAACAPwAAAL8B"
    "AAAA/////wAAAAABAAAAAAAAAAIAAAAAAMA/AgAAAAEAAAABAAAABwAAAAAAAAAEAAAAAAAAAAAAAAAGAAAAAAAAAHB+"
    "Ib05hnUAWdk02zzeBFyV2qKpsbUZYQps9/F9c+BrZE1dJ5lUSKgR+4q8uJ7vxgAAAAAAAAAAAADIwgAAAAAAAAAAAAAA"
    "AAAAxsKamZm+AAAAAAAAAAAAAADAzczMvQAAAAAAAAAAAAAAwM3MTL4BAAAAAAAAAAAAwL8AAACAAgAAAAAAAAAAAIC/"
    "zcxMvgMAAAAAAAAAAACAv83MTL4DAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0czM9AkAAAho"
    "AACAn5qZmXsAAAAAAAAAAAAAAAAAPHVuaz4APHM+AHR1cm4Ad3JpdGUAPC9zPgB6w7xyaWNoAHJpZ2h0AA=="
)
"""The same by KenLM's `build_binary trie`."""

PIECES = ("\u2581turn", "\u2581right", "\u2581write", "\u2581left")
BLANK = len(PIECES)


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A stage's folder, without a language model."""
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in PIECES]))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    settings = {"blank": BLANK, "silent": [BLANK], "seconds_per_step": 0.08, "word_lead": 0}
    (tmp_path / "decoding.json").write_text(json.dumps(settings))
    return tmp_path


def with_model(stage: Path, content: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage as a build with that model leaves it."""
    source = tmp_path_factory.mktemp("source") / "model.arpa"
    source.write_bytes(content)
    for export in FAMILY.exports:
        if export.source == "language_model":
            export.make(source, stage / export.name)
    assert {each.name for each in join_segments.optional_exports} == {
        "ngram.kenlm",
        "ngram_words.txt",
    }
    return stage


def heard(stage: Path, listed: list[str] | None = None, width: int = 8, **changed: str) -> str:
    """What is read where "turn write" is a little likelier to the ear than "turn right"."""
    rows = np.full((3, BLANK + 1), 0.01)
    rows[0, 0], rows[1, BLANK], rows[2, 1], rows[2, 2] = 0.96, 0.96, 0.40, 0.57
    reader = Reader(stage, {**join_segments.parameters, **changed})
    inputs = {"beam": np.array([width])}
    if listed is not None:
        inputs["word_list"] = np.array([word.encode() for word in listed], np.object_)
    found = reader.words(np.log(rows).astype(np.float32), reader.search(inputs))
    return " ".join(word.text for word in found)


@pytest.mark.parametrize("content", [ARPA.encode(), BINARY], ids=["arpa", "binary"])
def test_a_model_changes_the_choice(
    stage: Path, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert heard(stage) == "turn write"
    with_model(stage, content, tmp_path_factory)
    assert heard(stage) == "turn right"
    assert heard(stage, width=1) == "turn write", "greedy"
    assert heard(stage, language_model_weight="0") == "turn write"
    assert heard(stage, ["turn", "write", "left"]) == "turn write", "a list holds"
    assert heard(stage, ["turn", "right", "write"]) == "turn right"


def test_each_word_is_scored(stage: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with_model(stage, ARPA.encode(), tmp_path_factory)
    # Among eight, texts that are equally likely to the ear crowd out the one without a word.
    assert heard(stage, width=32, word_score="-20") == ""
    words = heard(stage, word_score="20").split()
    assert len(words) == 3, "one a step where nothing else counts"


def test_a_profile_gives_requests_without_a_width_one(
    stage: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with_model(stage, ARPA.encode(), tmp_path_factory)
    reader = Reader(stage, {**join_segments.parameters, "beam": "8"})
    assert reader.search({}).width == 8
    assert reader.search({"beam": np.array([1])}).width == 1
    assert Reader(stage, join_segments.parameters).search({}).width == 1


@pytest.mark.parametrize("width", [[0], [-3], [65], [], [2, 2]])
def test_a_width_out_of_bounds_is_refused(stage: Path, width: list[int]) -> None:
    reader = Reader(stage, join_segments.parameters)
    with pytest.raises(ValueError, match=r"^beam: expected one number from 1, greedy, to 64"):
        reader.search({"beam": np.array(width, np.int32)})


def test_a_profiles_width_out_of_bounds_stops_the_load(stage: Path) -> None:
    with pytest.raises(ValueError, match=r"^beam: expected one number .* found 1000"):
        Reader(stage, {**join_segments.parameters, "beam": "1000"})


def test_an_equal_list_is_compiled_once(stage: Path) -> None:
    reader = Reader(stage, join_segments.parameters)
    given = {"word_list": np.array([b"turn", b"left"], np.object_)}
    again = {"word_list": np.array([b"turn", b"left"], np.object_)}
    first = reader.search(given)
    assert first.words is reader.search(again).words and first.width > 1
    other = {"word_list": np.array([b"turn"], np.object_)}
    assert first == reader.search(again) != reader.search(other)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(SourceError, match=r"expected one n-gram model, .* found none"):
        language_model.model(tmp_path, out)
    (tmp_path / "text.arpa").write_text("turn right\n")
    with pytest.raises(SourceError, match=r"text\.arpa: expected an n-gram model that KenLM reads"):
        language_model.model(tmp_path, out)
    with pytest.raises(SourceError, match="with its words, found none"):
        language_model.words(tmp_path / "text.arpa", out)
    (tmp_path / "cut.arpa").write_bytes(BINARY[:300])
    with pytest.raises(SourceError, match=r"found text\.arpa|found cut\.arpa, text\.arpa"):
        language_model.model(tmp_path, out)
    with pytest.raises(SourceError, match="headers say"):
        language_model.model(tmp_path / "cut.arpa", out)
