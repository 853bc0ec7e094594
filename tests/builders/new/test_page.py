"""The page on families, followed to the letter: an image classifier of Hugging Face's is built."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.builders.new.test_new import run
from tests.docs.pages import page

LABELS = ("circle", "square", "triangle")
SIDE = 64


def make_checkpoint(folder: Path) -> None:
    """A small classifier of random weights."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=SIDE,
        patch_size=16,
        id2label=dict(enumerate(LABELS)),
    )
    ViTForImageClassification(config).save_pretrained(folder)
    settings = {
        "size": {"height": SIDE, "width": SIDE},
        "resample": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))


def edit(path: Path, *edits: tuple[str, str]) -> None:
    """Replaces what each pattern finds, which has to be one place."""
    text = path.read_text("utf-8")
    for pattern, new in edits:
        parts = re.split(pattern, text, flags=re.M | re.S)
        assert len(parts) == 2, (path.name, pattern)
        text = new.join(parts)
    path.write_text(text, "utf-8")


@pytest.mark.thorough
def test_a_reader_s_first_build_passes(tmp_path: Path) -> None:
    cache, own = tmp_path / "cache", tmp_path / "own"
    run(tmp_path, cache, "-m", "builders", "new", "shapes", "--at", "own")
    family = own / "shapes"
    export, comparison, preprocessor, stage, metric = page("docs/add-a-family.md").blocks("py")[:5]

    shutil.rmtree(family / "checkpoint")
    make_checkpoint(family / "checkpoint")
    edit(
        family / "exports.py",
        (r"^def _exported\(.*?(?=^def expected)", f"{export}\n\n"),
        (r'    source = checkpoint / "model.onnx"\n    model = .*?\n', ""),
        (r"onnx\.save\(model, out\)", "onnx.save(_exported(checkpoint), out)"),
        (r"^def expected\(.*?(?=^def examples)", f"{comparison}\n\n"),
        (r"\Z", f"\n\n{preprocessor}"),
    )
    edit(
        family / "stages" / "prepare.py",
        (r"^SIDE = 32", f"SIDE = {SIDE}"),
        (r"^def prepare\(.*\Z", stage),
    )
    (family / "metric.py").write_text(metric)
    edit(
        family / "family.py",
        (r"CLASSIFIER, LABELS$", "CLASSIFIER, LABELS, PREPROCESSOR"),
        (r"stages\.prepare\",", 'stages.prepare", exports=(PREPROCESSOR,),'),
        # Random weights score what they do.
        (r"bound=0\.9", "bound=0.0, data=(metric.FOLDER,)"),
    )
    for label in LABELS:
        (family / "labelled" / label).mkdir(parents=True)
        shutil.copy(family / "examples" / f"{label}.png", family / "labelled" / label / "1.png")
    for name in ("network", "train", "drawings"):
        (family / f"{name}.py").unlink()

    build = ("build", "--profile", "shapes.yaml", "--out", "shapes_repository", "--quiet")
    assert "accuracy" in run(own, cache, "-m", "builders", *build)
    picture = ("shapes/examples/circle.png", "--repository", "shapes_repository")
    answer = json.loads(run(own, cache, "-m", "builders", "run", "shapes", *picture))
    assert sorted(answer["label"]) == sorted(LABELS)
