"""What is said and asked of scenes is true, and leaves out what is held out."""

from __future__ import annotations

import itertools

import numpy as np

from training.vision.scenes import scene
from training.vision.scenes.names import COLOURS, HELD_OUT, PLURALS, SHAPES
from training.vision.scenes.scene import Scene, Thing, Writing
from training.vision.text import captions, questions
from training.vision.text.forms import FORMS

PAIR = Scene(
    "two",
    (
        Thing("blue", "square", "small", 10, 32, 5, 0, (1, 0)),
        Thing("green", "star", "big", 54, 32, 9, 0, (1, 2)),
    ),
    None,
    1,
)


def asked(one: Scene, count: int = 3000) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for question in questions.ask(one, np.random.default_rng(1), count, held_out=True):
        found.setdefault(question.kind, set()).add((question.text, question.answer))
    return found


def test_answers_about_two_things_are_right() -> None:
    found = asked(PAIR)
    assert ("Which colour is the star?", "green") in found["colour"]
    assert ("Which shape is blue?", "square") in found["shape"]
    assert ("How many stars are in the image?", "1") in found["count"]
    assert ("Where do you see the square?", "left") in found["where"]
    assert ("Which size is the star?", "big") in found["size"]
    assert ("What do you see?", "a blue square left of a green star") in found["describe"]
    assert not {"word", "number"} & set(found)


def test_a_thing_alone_is_asked_about_without_its_name() -> None:
    ring = Thing("orange", "ring", "big", 54, 10, 9, 0, (0, 2))
    found = asked(Scene("one", (ring,), None, 1))
    assert ("Which colour is the object?", "orange") in found["colour"]
    assert ("Tell me where the thing is.", "top right") in found["where"]
    assert "object" not in " ".join(text for text, _ in asked(PAIR)["colour"])


def test_training_does_not_deny_what_it_never_sees() -> None:
    rng = np.random.default_rng(1)
    for question in questions.ask(PAIR, rng, 200):
        if question.kind in ("colour", "shape", "describe"):
            # The orange square, the blue star.
            assert set(question.untold) == {"orange", "blue", "star", "stars"}
        else:
            assert not question.untold
        for _, words in question.named:
            assert not set(words) & {*COLOURS, *SHAPES}


def test_writing_is_asked_about() -> None:
    ring = Thing("orange", "ring", "big", 54, 10, 9, 0, (0, 2))
    word = asked(Scene("word", (ring,), Writing("CAT", "blue", 8, 50, 18), 1))
    assert ("Which word is written?", "CAT") in word["word"]
    assert {answer for _, answer in word["describe"]} == {"an orange ring and the word CAT"}
    number = asked(Scene("number", (), Writing("472", "blue", 8, 50, 18), 1))
    assert ("Tell me the number.", "472") in number["number"]
    assert {answer for _, answer in number["count"]} == {"0"}


def test_yes_and_no_are_right() -> None:
    for question, answer in asked(PAIR, 2000)["is there"]:
        thing = [word for word in question.rstrip("?.").split() if word in {*SHAPES, *COLOURS}]
        there = any(set(thing) <= set(each.pair) for each in PAIR.things) and bool(thing)
        assert answer == ("yes" if there else "no"), question


def test_no_sentence_of_the_training_has_a_pair_that_is_held_out() -> None:
    names = [f"{colour} {name}" for colour, shape in HELD_OUT for name in (shape, PLURALS[shape])]
    for number in range(600):
        one = scene.at(6, "training", number)
        rng = np.random.default_rng([6, number])
        texts = [captions.plain(one), captions.caption(one, rng)]
        for question in questions.ask(one, rng, 8):
            texts += [question.text, question.answer]
        assert not [text for text in texts for name in names if name in text]


def test_questions_on_unseen_pairs_are_about_these() -> None:
    for number in range(200):
        one = scene.at(6, "unseen", number)
        rng = np.random.default_rng([6, number])
        shapes = {thing.shape for thing in one.things if thing.pair in HELD_OUT}
        colours = {thing.colour for thing in one.things if thing.pair in HELD_OUT}
        for question in questions.ask(one, rng, 5, held_out=True, unseen=True):
            said = f"{question.text} {question.answer}"
            named = shapes | colours | {"object", "thing"}
            assert [name for name in named if name in said], question


def test_no_form_is_both_trained_and_held_out() -> None:
    for trained, held_out in FORMS.values():
        assert len(set(trained)) >= 6
        assert len(set(held_out)) >= 2
    every = [form for pair in FORMS.values() for form in itertools.chain(*pair)]
    assert len(every) == len(set(every))


def test_a_caption_is_as_the_evaluation_says_it() -> None:
    ring, star = ("orange", "ring"), ("black", "star")
    things = tuple(
        Thing(*pair, "big", 10, 10, 9, 0, (0, column))
        for column, pair in enumerate((ring, star, star))
    )
    assert captions.plain(Scene("same", things, None, 1)) == "two black stars and an orange ring"
