"""What is not carried is refused in one sentence, before anything is made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.checkpoint.refused import REFUSED as ARCHITECTURES
from builders.decoder.checkpoint.wrapper import BY_TYPE as WRAPPERS
from builders.kit.sources.error import SourceError
from tests.builders.decoder.checkpoints.forms import REFUSED


def refusal(folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_decoder(folder)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", REFUSED)
def test_a_form_is_refused(name: str, tmp_path: Path) -> None:
    maker, said = REFUSED[name]
    assert said in refusal(maker(tmp_path / "checkpoint"))


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_an_architecture_is_refused_by_its_config_alone(kind: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}), "utf-8")
    assert f"'{kind}' is not carried: it {ARCHITECTURES[kind]}." in refusal(tmp_path)


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_language_model_that_is_refused_is_refused_inside_another(
    kind: str, tmp_path: Path
) -> None:
    content = {"model_type": kind, "text_config": {"model_type": "mixtral"}}
    (tmp_path / "config.json").write_text(json.dumps(content), "utf-8")
    assert "has a language model of model_type 'mixtral', which has experts" in refusal(tmp_path)


@pytest.mark.parametrize("content", ["{}", '{"model_type": 7}', '{"model_type": "mine"}'])
def test_what_nobody_knows_is_refused_with_what_is_carried(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content, "utf-8")
    assert re.search("expected a decoder that is carried, .* Carried are Llama", refusal(tmp_path))


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    assert "with config.json, found none" in refusal(tmp_path)
