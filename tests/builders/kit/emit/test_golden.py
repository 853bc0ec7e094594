"""The configs that each profile gives, kept in tests/golden/ for review.

After a wanted change of a graph, a profile or the config writer, write them anew and look at the
difference::

    UPDATE_GOLDEN=1 python -m pytest tests/builders/kit/emit/test_golden.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders.kit.emit.config import model_config
from builders.kit.recipe.profile import load_profile
from builders.kit.recipe.recipe import make_recipe
from repository.config.text import to_text

GOLDEN = Path(__file__).parents[3] / "golden"
COMMAND = "UPDATE_GOLDEN=1 python -m pytest tests/builders/kit/emit/test_golden.py"


@pytest.mark.parametrize("profile", ["demo"])
def test_configs_are_those_that_were_reviewed(profile: str) -> None:
    recipe = make_recipe(load_profile(profile))
    made = {f"{model.name}.pbtxt": to_text(model_config(model)) for model in recipe.models}
    folder = GOLDEN / profile
    if os.environ.get("UPDATE_GOLDEN"):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.pbtxt"):
            path.unlink()
        for name, text in made.items():
            (folder / name).write_text(text)
    reviewed = {path.name: path.read_text() for path in folder.glob("*.pbtxt")}
    assert sorted(made) == sorted(reviewed), f"if that is wanted: {COMMAND}"
    for name, text in made.items():
        assert text == reviewed[name], f"{profile}/{name}; if that is wanted: {COMMAND}"
