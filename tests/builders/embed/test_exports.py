"""Checkpoints of every encoder and pooling: the export answers as transformers and numpy do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from builders.embed.checkpoint.read import read_embedder
from builders.embed.exports import embedder_export, expected, make, pooled
from builders.kit.sources.error import SourceError
from tests.builders.embed.checkpoints import (
    ENCODER,
    HIDDEN,
    KINDS,
    MEAN,
    NORMALIZE,
    Module,
    dense,
    pooling,
    write,
)

BEHIND: dict[str, tuple[Module, ...]] = {
    "cls": (pooling(cls_token=True, mean_tokens=False),),
    "max": (pooling(max_tokens=True), NORMALIZE),
    "sqrt": (pooling(mean_sqrt_len_tokens=True),),
    "last": (pooling(lasttoken=True), NORMALIZE),
    "two": (pooling(mean_tokens=True, cls_token=True),),
    "new": (("Pooling", "1_Pooling", {"embedding_dimension": HIDDEN, "pooling_mode": "max"}),),
    "dense": (MEAN, dense(HIDDEN, 8), NORMALIZE),
    "plain": (
        MEAN,
        dense(HIDDEN, 40, bias=False, activation_function="torch.nn.modules.linear.Identity"),
        ("Dropout", "3_Dropout", {"dropout": 0.5}),
    ),
    "norm": (MEAN, ("LayerNorm", "2_LayerNorm", {"dimension": HIDDEN})),
}


def _differences(checkpoint: Path, folder: Path) -> list[float]:
    """How far the export is from its reference, at its own shape and at three others."""
    embedder = read_embedder(checkpoint)
    out = folder / "model.onnx"
    make(checkpoint, out)
    session = onnxruntime.InferenceSession(out)
    export = embedder_export(embedder)
    assert export.parity is not None
    found = []
    for inputs in export.parity.inputs():
        (answer,) = session.run(None, dict(inputs))
        known = expected(checkpoint, inputs)["embeddings"]
        assert answer.shape == known.shape == (len(inputs["input_ids"]), embedder.width)
        found.append(float(np.abs(answer - known).max()))
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_every_encoder_answers_as_transformers_does(kind: str, tmp_path: Path) -> None:
    differences = _differences(write(tmp_path / "checkpoint", kind), tmp_path)
    assert len(differences) == 4 and max(differences) < 2e-6


@pytest.mark.sampled(3)
@pytest.mark.parametrize("behind", BEHIND)
def test_every_layer_in_torch_answers_as_in_numpy(behind: str, tmp_path: Path) -> None:
    import torch

    from builders.embed.modules import Embed

    checkpoint = write(tmp_path, modules=(ENCODER, *BEHIND[behind]))
    embedder = read_embedder(checkpoint)
    parity = embedder_export(embedder).parity
    assert parity is not None
    module = Embed(embedder, checkpoint).eval()
    for inputs in parity.inputs():
        with torch.no_grad():
            answer = module(**{name: torch.from_numpy(each) for name, each in inputs.items()})
        known = expected(checkpoint, inputs)["embeddings"]
        assert known.shape[1] == embedder.width
        assert np.abs(answer.numpy() - known).max() < 2e-6


@pytest.mark.thorough
@pytest.mark.parametrize("behind", BEHIND)
def test_every_layer_is_exported(behind: str, tmp_path: Path) -> None:
    checkpoint = write(tmp_path / "checkpoint", modules=(ENCODER, *BEHIND[behind]))
    assert max(_differences(checkpoint, tmp_path)) < 5e-6


def test_pooling_sees_a_row_s_own_tokens_alone() -> None:
    tokens = np.array([[[1.0, -4.0], [3.0, -2.0], [99.0, 99.0]], [[5.0, 6.0]] * 3])
    mask = np.array([[1, 1, 0], [1, 1, 1]])
    found = {
        mode: pooled(tokens, mask, (mode,))[0].tolist()
        for mode in ("cls", "max", "mean", "lasttoken")
    }
    assert found == {
        "cls": [1.0, -4.0], "max": [3.0, -2.0], "mean": [2.0, -3.0], "lasttoken": [3.0, -2.0],
    }  # fmt: skip
    sums = pooled(tokens, mask, ("mean_sqrt_len_tokens",))
    np.testing.assert_allclose(sums[0], np.array([4.0, -6.0]) / 2**0.5)


def test_weights_of_a_layer_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    checkpoint = write(tmp_path / "checkpoint", modules=(ENCODER, *BEHIND["dense"]))
    file = checkpoint / "2_Dense" / "model.safetensors"
    save_file({"linear.weight": np.zeros((8, 31), np.float32)}, file)
    with pytest.raises(SourceError, match=r"linear.weight of \[8, 32\].*found \[8, 31\]"):
        make(checkpoint, tmp_path / "model.onnx")
    file.write_bytes(b"no safetensors")
    with pytest.raises(SourceError, match="expected whole safetensors, found"):
        make(checkpoint, tmp_path / "model.onnx")
