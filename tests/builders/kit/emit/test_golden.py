"""The configs that the demo profile gives, and each further family, in tests/golden/ for review.

After a wanted change of a graph, a profile or the config writer, write them anew and look at the
difference::

    UPDATE_GOLDEN=1 python -m pytest tests/builders/kit/emit/test_golden.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builders.kit.checkout import Checkout
from builders.kit.emit.config import model_config
from builders.kit.paths import BUILDERS
from builders.kit.recipe.profile import FamilyOptions, Profile, load_profile
from builders.kit.recipe.recipe import make_recipe
from repository.config.text import to_text

GOLDEN = Path(__file__).parents[3] / "golden"
COMMAND = "UPDATE_GOLDEN=1 python -m pytest tests/builders/kit/emit/test_golden.py"


def reviewed_profiles() -> dict[str, Profile]:
    """The demo profile, and of each family of the kit that it has not, one with that alone."""
    demo, checkout = load_profile("demo"), Checkout()
    names = [name for name in checkout.families if checkout.folder(name).parent == BUILDERS]
    return {"demo": demo} | {
        name: demo.model_copy(update={"families": {name: FamilyOptions()}, "models": {}})
        for name in names
        if name not in demo.families and checkout.declared(name) is not None
    }


@pytest.mark.parametrize("profile", reviewed_profiles())
def test_configs_are_those_that_were_reviewed(profile: str) -> None:
    recipe = make_recipe(reviewed_profiles()[profile])
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
