"""Each key of a family's options is on the family's page, and on the page of profiles."""

from __future__ import annotations

import re

import pytest
import yaml

from builders.decoder.options import DecoderOptions
from builders.decoder.settings.legacy import LegacyOptions
from builders.decoder.settings.llmapi import LlmApiOptions
from builders.embed.options import EmbedOptions
from builders.kit.recipe.profile import Options, Profile
from builders.onnx.options import OnnxModelOptions
from builders.vision.options import VisionOptions
from tests.docs.pages import page


def keys(name: str, heading: str) -> set[str]:
    """What stands in the first column of the first table under a heading."""
    _, _, text = page(name).text.partition(f"\n{heading}\n")
    table = re.search(r"^\|.*?(?:\n(?!\|)|\Z)", text, re.MULTILINE | re.DOTALL)
    assert table, f"{name}: {heading}"
    cells = re.findall(r"^\|([^|]*)\|", table[0], re.MULTILINE)
    return {key for cell in cells for key in re.findall(r"`([\w.]+)`", cell)}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("docs/vision.md", VisionOptions),
        ("docs/text-embeddings.md", EmbedOptions),
        ("docs/your-own-onnx-model.md", OnnxModelOptions),
    ],
    ids=["vision", "embed", "onnx"],
)
def test_every_option_of_a_family_is_on_its_page(name: str, options: type[Options]) -> None:
    assert keys(name, "## Options") == options.model_fields.keys()


@pytest.mark.parametrize(
    ("family", "options"),
    [("vision", VisionOptions), ("embed", EmbedOptions)],
    ids=["vision", "embed"],
)
def test_the_page_of_profiles_names_them(family: str, options: type[Options]) -> None:
    row = re.search(rf"^\| `families.{family}` \|([^|]*)\|", page("docs/profiles.md").text, re.M)
    assert row
    assert set(re.findall(r"`(\w+)`", row[1])) == options.model_fields.keys()


@pytest.mark.parametrize(
    ("heading", "options"),
    [("## llmapi", LlmApiOptions), ("## tensorrt_llm_engine", LegacyOptions)],
    ids=["llmapi", "tensorrt_llm_engine"],
)
def test_every_option_of_an_engine_is_on_its_page(heading: str, options: type[Options]) -> None:
    assert keys("docs/decoder-tensorrt-llm.md", heading) == options.model_fields.keys()


def test_the_engines_are_shown_as_a_profile_may_have_them() -> None:
    blocks = page("docs/decoder-tensorrt-llm.md").blocks("yaml")
    found = [yaml.safe_load(each)["families"]["decoder"] for each in blocks]
    engines = [DecoderOptions.model_validate(each).engine for each in found]
    assert engines == ["remote", "llmapi", "tensorrt_llm_engine"]


def test_every_key_of_a_profile_is_on_its_page() -> None:
    shown = {key.partition(".")[0] for key in keys("docs/profiles.md", "## Write one")}
    assert shown == Profile.model_fields.keys()
