"""Scenes are drawn alike each time, and what is known of their patches is so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from training.vision.learning.tower import different
from training.vision.scenes import draw, scene
from training.vision.scenes.names import COLOURS, HELD_OUT, SHAPES
from training.vision.text import captions

EVALUATION = Path("builders/scenes/evaluation")


def test_a_scene_is_drawn_alike_each_time_and_unlike_the_next() -> None:
    for number in range(20):
        one, again = (scene.at(5, "training", number) for _ in range(2))
        assert one == again
        assert np.array_equal(draw.draw(one), draw.draw(again))
        assert not np.array_equal(draw.draw(one), draw.draw(scene.at(5, "training", number + 1)))


def test_a_larger_drawing_shows_the_same() -> None:
    for number in range(10):
        one = scene.at(5, "training", number)
        large = Image.fromarray(draw.draw(one, 4, noise=False)).reduce(4)
        small = draw.draw(one, noise=False)
        assert np.abs(np.asarray(large, int) - small).mean() < 3


def test_no_training_scene_has_a_pair_that_is_held_out_and_each_unseen_one_has() -> None:
    for number in range(1000):
        assert not scene.at(5, "training", number).has_unseen()
        assert not scene.at(5, "held out", number).has_unseen()
    seen = set()
    for number in range(300):
        one = scene.at(5, "unseen", number)
        seen |= {thing.pair for thing in one.things} & HELD_OUT
        assert one.has_unseen()
    assert seen == HELD_OUT


def test_the_patch_at_a_things_middle_is_known_as_its_shape_and_colour() -> None:
    checked = 0
    for number in range(200):
        one = scene.at(5, "training", number)
        found = draw.targets(one)
        assert found.shape == (64, len(draw.TARGETS))
        assert (found < list(draw.TARGETS.values())).all()
        assert found[:, 3].sum() <= len(one.things)
        if len(one.things) != 1 or one.writing:
            continue
        thing = one.things[0]
        patch = int(thing.y // 8) * 8 + int(thing.x // 8)
        shape, colour = SHAPES.index(thing.shape) + 2, list(COLOURS).index(thing.colour) + 1
        assert list(found[patch, :2]) == [shape, colour]
        checked += 1
    assert checked > 10


def test_everything_that_is_drawn_lies_inside_the_image() -> None:
    for number in range(1000):
        one = scene.at(5, "training", number)
        for thing in one.things:
            assert thing.radius - 1 < thing.x < scene.SIDE + 1 - thing.radius
            assert thing.radius - 1 < thing.y < scene.SIDE + 1 - thing.radius


def test_the_shipped_evaluation_set_is_what_the_project_draws() -> None:
    described = json.loads((EVALUATION / "scenes.json").read_text("utf-8"))
    listed = [each for each in described["scenes"] if each["part"] == "held-out"]
    drawn = different(described["seed"], len(listed))
    for each, one in list(zip(listed, drawn, strict=True))[::10]:
        assert each["caption"] == captions.plain(one)
        with Image.open(EVALUATION / each["image"]) as image:
            shown = np.asarray(image.convert("RGB"), int)
        assert np.abs(shown - draw.draw(one)).mean() < 6
