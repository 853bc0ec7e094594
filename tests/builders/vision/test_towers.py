"""Towers as ONNX against transformers: every form that is served, at batches never sampled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from builders.kit.build.parity import compare_files
from builders.kit.export import Export
from builders.vision.checkpoint.caption import read_caption
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.read import read_eye
from builders.vision.stages.resized_positions import filter_weights
from builders.vision.towers import caption, fixed, naflex
from builders.vision.towers.loading import load_caption, load_eye
from builders.vision.towers.modules.caption import EncodeCaption
from repository.arrays import Array, Arrays
from tests.builders.vision.checkpoints import fixed as checkpoints
from tests.builders.vision.checkpoints import tokenizers
from tests.builders.vision.checkpoints.fixed import EYES, SIDE

CLOSE = 1e-5
"""Of the largest number: how far an answer may be from transformers'."""


def made(export: Export, checkpoint: Path, folder: Path) -> Path:
    """The export's file, compared with its source as a build does."""
    out = folder / f"{export.name}.onnx"
    export.make(checkpoint, out)
    assert export.parity is not None
    compare_files(export.parity, checkpoint, out)
    return out


def run(file: Path, inputs: Arrays) -> dict[str, Array]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def close(found: Array, expected: Array) -> None:
    assert found.shape == expected.shape
    far = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max()
    assert far <= CLOSE * np.abs(expected).max()


def seen_by(eye: Eye, checkpoint: Path, pixels: Array, interpolate: bool = False) -> Arrays:
    """What transformers' own functions say of images."""
    import torch
    import transformers

    model = getattr(transformers, eye.architecture).from_pretrained(checkpoint).eval()
    given = torch.from_numpy(pixels)
    asked = {"interpolate_pos_encoding": True} if interpolate else {}
    with torch.no_grad():
        if eye.projects:
            rows = model.get_image_features(pixel_values=given, **asked).pooler_output
            return {"image_embeds": torch.stack(list(rows)).numpy()}
        if eye.pooling == "mean":
            found = model.vision_model(pixel_values=given).last_hidden_state.mean(1)
        elif hasattr(model, "get_image_features"):
            found = model.get_image_features(pixel_values=given, **asked).pooler_output
        else:
            answer = model(pixel_values=given, **asked)
            found = getattr(answer, "image_embeds", None)
            found = answer.pooler_output if found is None else found
    return {"pooled": found.numpy()}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", EYES)
def test_the_modules_that_are_exported_compute_what_transformers_does(
    name: str, tmp_path: Path
) -> None:
    import torch

    from builders.vision.towers.modules.fixed import Encode
    from builders.vision.towers.modules.projector import Adapt

    checkpoint = EYES[name](tmp_path)
    eye, model = load_eye(checkpoint)
    pixels = np.random.default_rng(4).standard_normal((4, 3, SIDE, SIDE), np.float32)
    with torch.no_grad():
        *features, pooled = Encode(eye, model, interpolate=False)(torch.from_numpy(pixels))
        found = {"pooled": pooled.numpy()}
        if features:
            found["image_embeds"] = Adapt(model)(*features).numpy()
    assert ("image_embeds" in found) is eye.projects
    for key, expected in seen_by(eye, checkpoint, pixels).items():
        close(found[key], expected)


@pytest.mark.thorough
@pytest.mark.parametrize("name", EYES)
def test_an_eye_sees_what_transformers_sees(name: str, tmp_path: Path) -> None:
    checkpoint = EYES[name](tmp_path / "checkpoint")
    eye = read_eye(checkpoint)
    encoder, adapter = fixed.exports(eye, interpolate=False)
    files = [made(each, checkpoint, tmp_path) for each in (encoder, adapter) if each is not None]
    for batch in (1, 4, 7):
        pixels = np.random.default_rng(batch).standard_normal((batch, 3, SIDE, SIDE), np.float32)
        found = run(files[0], {"pixel_values": pixels})
        if adapter is not None:
            found |= run(files[1], {"features": found["features"]})
        for key, expected in seen_by(eye, checkpoint, pixels).items():
            close(found[key], expected)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["LLaVA, CLIP", "SigLIP"])
def test_position_embeddings_are_interpolated(name: str, tmp_path: Path) -> None:
    checkpoint = EYES[name](tmp_path / "checkpoint")
    eye = read_eye(checkpoint)
    encoder, adapter = fixed.exports(eye, interpolate=True)
    files = [made(each, checkpoint, tmp_path) for each in (encoder, adapter) if each is not None]
    for height, width in ((SIDE, SIDE), (24, 72), (80, 8)):
        pixels = np.random.default_rng(width).standard_normal((2, 3, height, width), np.float32)
        found = run(files[0], {"pixel_values": pixels})
        if adapter is not None:
            found |= run(files[1], {"features": found["features"]})
        for key, expected in seen_by(eye, checkpoint, pixels, interpolate=True).items():
            close(found[key], expected)


@pytest.mark.thorough
@pytest.mark.parametrize("head", [True, False])
def test_patches_of_any_aspect_ratio_are_seen_as_by_transformers(
    head: bool, tmp_path: Path
) -> None:
    checkpoint = checkpoints.siglip2(tmp_path / "checkpoint", vision_use_head=head)
    # The comparison's own batches have shapes that the export never saw.
    made(naflex.export(read_eye(checkpoint)), checkpoint, tmp_path)


@pytest.mark.parametrize(
    ("size", "side"), [(1, 16), (3, 16), (16, 16), (31, 16), (256, 16), (5, 1)]
)
def test_position_embeddings_are_resized_as_by_torch(size: int, side: int) -> None:
    import torch

    table = np.random.default_rng(size).standard_normal((1, 3, side, 2), np.float32)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(table), size=(size, 2), mode="bilinear", antialias=True
    ).numpy()
    np.testing.assert_allclose(
        np.einsum("ts,bcsw->bctw", filter_weights(size, side), table), resized, atol=2e-6
    )


@pytest.mark.thorough
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("name", ["clip", "siglip", "siglip2"])
def test_a_text_tower_reads_as_transformers_does(name: str, masked: bool, tmp_path: Path) -> None:
    checkpoint = getattr(checkpoints, name)(tmp_path)
    if name == "clip":
        tokenizers.clip(checkpoint)
    else:
        names = ["input_ids", "attention_mask"] if masked else ["input_ids"]
        tokenizers.siglip(checkpoint, model_input_names=names)
    made(caption.export(read_caption(checkpoint)), checkpoint, tmp_path)


@pytest.mark.thorough
def test_a_clip_with_the_old_end_token_reads_up_to_its_highest_token(tmp_path: Path) -> None:
    checkpoint = tokenizers.clip(checkpoints.clip(tmp_path, eos_token_id=2))
    made(caption.export(read_caption(checkpoint)), checkpoint, tmp_path)


def test_the_texts_of_a_comparison_end_where_clip_reads_them_off(tmp_path: Path) -> None:
    found = read_caption(tokenizers.clip(checkpoints.clip(tmp_path)))
    assert found.end is not None
    for each in caption.texts(found):
        ids = each["input_ids"]
        is_end = ids == found.end
        assert (is_end.sum(1) == 1).all()
        assert (is_end.argmax(1) >= ids.shape[1] // 2).all()


def test_a_text_tower_that_lost_its_positions_fails_the_comparison(tmp_path: Path) -> None:
    import torch

    checkpoint = tokenizers.clip(checkpoints.clip(tmp_path))
    found, model = load_caption(checkpoint)
    encode = EncodeCaption(model)
    given = next(each for each in caption.texts(found) if each["input_ids"].shape[1] > 2)
    with torch.no_grad():
        close(encode(torch.from_numpy(given["input_ids"])).numpy(), _pooled(checkpoint, given))
        # All but the first, which is the one that a text without an end would be read off at.
        model.text_model.embeddings.position_embedding.weight[1:] = 0
        spoilt = encode(torch.from_numpy(given["input_ids"])).numpy()
    with pytest.raises(AssertionError):
        close(spoilt, _pooled(checkpoint, given))


def _pooled(checkpoint: Path, given: Arrays) -> Array:
    return caption.expected(checkpoint, given)["text_pooled"]
