"""Training can be made again, goes on where it was cut off, and packs questions rightly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.errors import TrainingError
from training.vision.learning import answers, models, tower
from training.vision.learning import corpus as scenes
from training.vision.scenes import draw, scene
from training.vision.scenes.names import COLOURS, COLUMNS, ROWS, SHAPES
from training.vision.text import questions, tokenizer

SEED = 3


@pytest.fixture
def texts() -> tokenizer.Texts:
    return tokenizer.Texts(tokenizer.load())


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> scenes.Corpus:
    monkeypatch.setattr(scenes, "CHUNK", 32)
    monkeypatch.setattr(tower, "BATCH", 8)
    monkeypatch.setattr(answers, "BATCH", 2)
    monkeypatch.setattr(answers, "MEASURED", 2)
    monkeypatch.setattr(tower, "MEASURED", 4)
    scenes.write(tmp_path / "scenes", seed=SEED, count=64, workers=0)
    return scenes.Corpus(tmp_path / "scenes", SEED, 64)


def test_the_tokenizer_knows_its_words_and_any_other(texts: tokenizer.Texts) -> None:
    assert texts.tokenizer.get_vocab_size() == tokenizer.VOCABULARY
    for index, token in enumerate(tokenizer.SPECIAL):
        assert texts.tokenizer.token_to_id(token) == index
    for text in ("two black stars and an orange ring", "the number 472", "naïve ≠ 日本"):
        assert texts.tokenizer.decode(list(texts.encode(text))) == text
    assert len(texts.encode("472")) == 3
    for word in (*COLOURS, *SHAPES, *ROWS, *COLUMNS):
        assert len(texts.encode(f" {word}")) == 1


def test_a_name_is_found_where_it_ends(texts: tokenizer.Texts) -> None:
    assert texts.ends("Star", "star") == len(texts.encode("Star")) - 1
    assert texts.ends("where is the red star?", "red star") == 4
    assert texts.ends("where is the star?", "tar") == -1


@pytest.mark.thorough
def test_a_stage_is_trained_alike_and_goes_on_where_it_was_cut_off(
    corpus: scenes.Corpus, texts: tokenizer.Texts, tmp_path: Path
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    once = tower.train(tmp_path / "once", corpus, texts, 8, 4)
    tower.train(tmp_path / "cut", corpus, texts, 8, 2)
    assert tower.train(tmp_path / "cut", corpus, texts, 8, 4) == once
    seen = tower.run(tmp_path / "once", SEED).average.siglip.vision_model
    said = answers.train_until(tmp_path / "once", corpus, texts, seen, 8, 4)
    answers.train_until(tmp_path / "cut", corpus, texts, seen, 8, 2)
    assert answers.train_until(tmp_path / "cut", corpus, texts, seen, 8, 4) == said
    trained = answers.run(tmp_path / "once", SEED, seen).model.model.vision_tower
    for name, weights in seen.state_dict().items():
        assert torch.equal(trained.state_dict()[name], weights)
    torch.set_num_threads(threads)


def test_the_scenes_of_a_step_are_a_rounds_without_any_twice(corpus: scenes.Corpus) -> None:
    a_round = np.concatenate([corpus.numbers(step, 8) for step in range(8)])
    assert sorted(a_round) == list(range(64))
    assert list(corpus.numbers(3, 8)) == list(a_round[24:32])
    assert list(corpus.numbers(11, 8)) != list(a_round[24:32])
    assert np.array_equal(corpus.pixels(a_round[:1])[0], draw.draw(corpus.scene(a_round[0])))


def test_scenes_that_are_missing_are_told(corpus: scenes.Corpus) -> None:
    with pytest.raises(TrainingError, match="expected 3 files of scenes, found 2"):
        scenes.Corpus(corpus.folder, SEED, 96)


def test_packed_questions_are_answered_as_single_ones(texts: tokenizer.Texts) -> None:
    model = models.llava(SEED, models.siglip(SEED).vision_model).eval()
    one = scene.at(SEED, "training", 1)
    asked = questions.ask(one, np.random.default_rng(1), 4)
    pixels = models.pixel_values(draw.draw(one)[None])
    with torch.no_grad():
        together = answers.say(model, pixels, answers.pack([asked], texts, [False]))
        single = [
            answers.say(model, pixels, answers.pack([[question]], texts, [False]))
            for question in asked
        ]
    assert torch.equal(together.right, torch.cat([said.right for said in single]))
    assert torch.allclose(together.logits, torch.cat([s.logits for s in single]), atol=1e-4)


def test_a_single_question_is_what_transformers_computes(texts: tokenizer.Texts) -> None:
    model = models.llava(SEED, models.siglip(SEED).vision_model).eval()
    one = scene.at(SEED, "training", 2)
    asked = questions.ask(one, np.random.default_rng(1), 1)
    pixels = models.pixel_values(draw.draw(one)[None])
    packed = answers.pack([asked], texts, [True])
    with torch.no_grad():
        said = answers.say(model, pixels, packed)
        theirs = model(input_ids=packed.tokens, pixel_values=pixels).logits
    learned = packed.labels >= 0
    assert torch.allclose(said.logits, theirs[learned], atol=1e-4)
    following = torch.roll(packed.tokens, -1, 1)[learned]
    assert torch.equal(said.right, following)
    assert said.right[-1] == tokenizer.SPECIAL.index(tokenizer.END)
