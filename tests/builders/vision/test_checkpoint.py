"""A checkpoint's folder read without torch: what is served is known, what is not is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders.kit.sources.error import SourceError
from builders.vision.checkpoint.caption import read_caption
from builders.vision.checkpoint.read import read_eye
from tests.builders.vision.checkpoints import fixed
from tests.builders.vision.checkpoints.fixed import edit, rename_weights


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA, a CLIP and a SigLIP 2."""
    folder = tmp_path_factory.mktemp("checkpoints")
    fixed.llava(folder / "llava")
    fixed.clip(folder / "clip")
    fixed.siglip2(folder / "siglip2")
    return folder


@pytest.fixture
def checkpoint(whole: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one of them, to be changed."""

    def copy(name: str) -> Path:
        return shutil.copytree(whole / name, tmp_path / name)

    return copy


def refusal(folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_eye(folder)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_llava_is_known(whole: Path) -> None:
    eye = read_eye(whole / "llava")
    assert (eye.kind, eye.tokens, eye.hidden, eye.pooled) == ("fixed", 16, 40, 32)
    assert (eye.feature_layers, eye.strategy, eye.pooling) == ((-2,), "default", "class token")


def test_a_clip_and_its_text_tower_are_known(whole: Path) -> None:
    eye, caption = read_eye(whole / "clip"), None
    assert (eye.pooled, eye.pooling, eye.projects, eye.text) == (24, "projection", False, True)
    (whole / "clip" / "tokenizer_config.json").write_text('{"model_max_length": 12}', "utf-8")
    caption = read_caption(whole / "clip")
    assert (caption.pooled, caption.tokens, caption.fills, caption.masked) == (24, 12, False, False)


def test_a_siglip_2_is_known(whole: Path) -> None:
    eye = read_eye(whole / "siglip2")
    assert (eye.kind, eye.tower.positions, eye.pooling) == ("naflex", 16, "head")


@pytest.mark.parametrize("prefix", ["vision_tower.", "model.vision_tower.vision_model."])
def test_names_of_tensors_of_any_age_are_found(
    checkpoint: Callable[[str], Path], prefix: str
) -> None:
    folder = rename_weights(checkpoint("llava"), lambda name: name.replace("vision_tower.", prefix))
    assert read_eye(folder).tokens == 16


def test_an_old_key_of_clip_counts_as_for_transformers(checkpoint: Callable[[str], Path]) -> None:
    folder = checkpoint("clip")
    vision = json.loads((folder / "config.json").read_text("utf-8"))["vision_config"]
    edit(folder, vision_config={"hidden_size": 999}, vision_config_dict=vision)
    assert read_eye(folder).tower.hidden == 32


@pytest.mark.parametrize(
    ("model_type", "reason"),
    [
        ("minicpmv", "NaViT"),
        ("pixtral", "one size of image"),
        ("mistral3", "Pixtral's tower"),
        ("paligemma", "both ways"),
        ("qwen3_5", "grids of patches"),
    ],
)
def test_what_is_not_served_is_refused_with_the_reason(
    checkpoint: Callable[[str], Path], model_type: str, reason: str
) -> None:
    text = refusal(edit(checkpoint("llava"), model_type=model_type))
    assert f"'{model_type}' is not served" in text
    assert reason in text


def test_an_unknown_architecture_is_told_which_are_known(checkpoint: Callable[[str], Path]) -> None:
    text = refusal(edit(checkpoint("llava"), model_type="unheard_of"))
    assert "'unheard_of'" in text
    for name in ("LLaVA (LlavaForConditionalGeneration)", "CLIP (CLIPModel)"):
        assert name in text


def test_the_right_name_with_another_architecture_is_refused(
    checkpoint: Callable[[str], Path],
) -> None:
    folder = edit(checkpoint("llava"), architectures=["LlavaLlamaForCausalLM"])
    assert "LlavaLlamaForCausalLM" in refusal(folder)


def test_weights_of_another_architecture_are_refused(checkpoint: Callable[[str], Path]) -> None:
    folder = checkpoint("llava")
    shutil.copyfile(checkpoint("clip") / "model.safetensors", folder / "model.safetensors")
    assert "no weights of the projector" in refusal(folder)


def test_a_missing_projector_is_told(checkpoint: Callable[[str], Path]) -> None:
    folder = rename_weights(
        checkpoint("llava"), lambda name: None if "multi_modal_projector" in name else name
    )
    assert "no weights of the projector (*multi_modal_projector.linear_1.weight)" in refusal(folder)


def test_every_size_that_the_weights_contradict_is_told_at_once(
    checkpoint: Callable[[str], Path],
) -> None:
    folder = edit(
        checkpoint("llava"),
        vision_config={"image_size": 64, "num_hidden_layers": 9},
        vision_feature_layer=[-2, -1],
    )
    text = refusal(folder)
    assert "*embeddings.position_embedding.weight of [17, 32] (expected [65, 32]" in text
    assert "no weights *encoder.layers.8.layer_norm1.weight" in text
    assert "*multi_modal_projector.linear_1.weight of [40, 32] (expected [40, 64]" in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"vision_config": {"model_type": "pixtral"}}, "Pixtral's tower"),
        ({"vision_config": {"model_type": "siglip2_vision_model"}}, "NaFlex in a LLaVA"),
        ({"vision_config": "clip"}, "an object"),
        ({"vision_config": {"image_size": [32, 64]}}, "image_size: [32, 64]"),
        ({"vision_config": {"num_channels": 1}}, "num_channels: 1"),
        ({"vision_feature_layer": -5}, "a number from -4 to 3"),
        ({"vision_feature_layer": []}, "a number from -4 to 3"),
        ({"vision_feature_layer": True}, "a number from -4 to 3"),
        ({"vision_feature_select_strategy": "cls"}, "vision_feature_select_strategy"),
        ({"text_config": {"hidden_size": 41}}, "40, which the projector's weights have"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
    ],
)
def test_settings_that_are_not_served_are_refused(
    checkpoint: Callable[[str], Path], changes: dict[str, Any], told: str
) -> None:
    assert told in refusal(edit(checkpoint("llava"), **changes))


def test_a_folder_without_weights_is_refused(checkpoint: Callable[[str], Path]) -> None:
    folder = checkpoint("llava")
    (folder / "model.safetensors").unlink()
    assert "model.safetensors.index.json" in refusal(folder)


def test_a_text_tower_whose_weights_contradict_its_config_is_refused(
    checkpoint: Callable[[str], Path],
) -> None:
    folder = edit(checkpoint("clip"), text_config={"vocab_size": 99}, projection_dim=7)
    (folder / "tokenizer_config.json").write_text("{}", "utf-8")
    with pytest.raises(SourceError) as caught:
        read_caption(folder)
    text = str(caught.value)
    assert "*embeddings.token_embedding.weight of [600, 32] (expected [99, 32]" in text
    assert "*text_projection.weight of [24, 32] (expected [7, 32]" in text


def test_a_text_tower_without_a_tokenizer_is_refused(checkpoint: Callable[[str], Path]) -> None:
    folder = checkpoint("siglip2")
    with pytest.raises(SourceError, match="expected the text tower's tokenizer"):
        read_caption(folder)
