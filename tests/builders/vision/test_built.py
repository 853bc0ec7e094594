"""Checkpoints that the kit has never seen, built and asked: they answer as transformers does."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builders.kit.recipe.profile import ProfileError, load_profile
from builders.kit.tasks.cache import Cache
from builders.vision.checkpoint.read import read_eye
from repository.arrays import Array
from repository.check.check import check_repository
from repository.findings import errors
from repository.manifest import read_manifest
from repository.release import release
from runtime.inprocess import InProcess
from tests.builders.vision.building import PICTURES, TEXTS, built, close, profile
from tests.builders.vision.checkpoints import fixed, tokenizers

pytestmark = pytest.mark.thorough


def expected(checkpoint: Path, encoded: bytes) -> dict[str, Array]:
    """What transformers makes of an image file, from its own image processor on."""
    import torch
    import transformers

    eye = read_eye(checkpoint)
    processor = transformers.AutoImageProcessor.from_pretrained(checkpoint)
    given = processor(Image.open(io.BytesIO(encoded)), return_tensors="pt")
    model = getattr(transformers, eye.architecture).from_pretrained(checkpoint).eval()
    with torch.no_grad():
        found = model.get_image_features(**given).pooler_output
        if not eye.projects:
            return {"pooled": found[0].numpy()}
        pooled = model.model.vision_tower(**given).pooler_output
    return {"image_embeds": found[0].numpy(), "pooled": pooled[0].numpy()}


def expected_texts(checkpoint: Path, fills: bool) -> Array:
    """What transformers makes of the texts, from its own tokenizer on."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    given = tokenizer(
        list(TEXTS),
        padding="max_length" if fills else True,
        max_length=fixed.TOKENS,
        truncation=True,
        return_tensors="pt",
    )
    model = transformers.AutoModel.from_pretrained(checkpoint).eval()
    with torch.no_grad():
        found: Array = model.get_text_features(**given).pooler_output.numpy()
    return found


def asked(repository: Path, encoded: bytes) -> Mapping[str, Array]:
    image = np.frombuffer(encoded, np.uint8)
    return InProcess(repository).run("vision", {"image": image})


def siglip_tokenizer_right(folder: Path) -> Path:
    return tokenizers.siglip(folder, padding_side="right")


WHOLE: Mapping[str, tuple[Callable[[Path], Path], Callable[[Path], Path], bool]] = {
    "CLIP": (fixed.clip, tokenizers.clip, False),
    "SigLIP": (fixed.siglip, tokenizers.siglip, True),
    "SigLIP 2": (fixed.siglip2, siglip_tokenizer_right, True),
}


@pytest.mark.parametrize("name", WHOLE)
def test_images_and_texts_are_where_transformers_has_them(name: str, tmp_path: Path) -> None:
    make, add_tokenizer, fills = WHOLE[name]
    checkpoint = add_tokenizer(make(tmp_path / "checkpoint"))
    repository = built(tmp_path, {"source": f"path:{checkpoint}"}, bls=True)
    assert not errors(check_repository(repository, release("24.10")))
    assert not read_manifest(repository).metrics
    # torch 2.13 resizes wrongly to a single column on a CPU: see resized_positions.
    shown = PICTURES[:3] if name == "SigLIP 2" else PICTURES
    for each in shown:
        close(asked(repository, each)["pooled"], expected(checkpoint, each)["pooled"])
    texts = np.array([each.encode() for each in TEXTS], np.object_)
    found = InProcess(repository).run("vision_text", {"text": texts})
    close(found["text_pooled"], expected_texts(checkpoint, fills))


@pytest.mark.parametrize("tower", ["clip", "siglip"])
def test_a_llava_gives_what_its_language_model_reads(tower: str, tmp_path: Path) -> None:
    checkpoint = fixed.llava(tmp_path / "checkpoint", tower=tower)
    repository = built(tmp_path, {"source": f"path:{checkpoint}"})
    assert not (repository / "vision_text").exists()
    for each in PICTURES:
        wanted = expected(checkpoint, each)
        found = asked(repository, each)
        for key, value in wanted.items():
            close(found[key], value)


def refused(folder: Path, options: Mapping[str, Any]) -> list[str]:
    from builders.kit.build.dry_run import dry_run

    made = load_profile(profile(folder, options))
    with pytest.raises(ProfileError) as caught:
        dry_run(made, folder / "repository", cache=Cache(folder / "cache"))
    return [str(each) for each in caught.value.findings]


def test_a_plan_tells_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    eye = fixed.edit(fixed.clip(tmp_path / "eye"), model_type="minicpmv")
    text = tokenizers.siglip(fixed.siglip(tmp_path / "text"))
    text = fixed.edit(text, model_type="bert")
    options = {"source": f"path:{eye}", "text": f"path:{text}", "evaluation": "path:nowhere"}
    told = refused(tmp_path, options)
    assert len(told) == 3
    assert "families.vision.source" in told[0] and "NaViT" in told[0]
    assert "families.vision.text" in told[1] and "'bert'" in told[1]
    assert "families.vision.evaluation" in told[2] and "scenes.json" in told[2]


def test_a_text_tower_of_another_space_is_refused(tmp_path: Path) -> None:
    eye = fixed.clip(tmp_path / "eye")
    text = tokenizers.siglip(fixed.siglip(tmp_path / "text"))
    (told,) = refused(tmp_path, {"source": f"path:{eye}", "text": f"path:{text}"})
    assert "24 numbers each" in told and "32" in told
