"""The processors in the environment of Triton's stages: numpy 1.26 gives the same bits."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from builders.vision.stages.processors import fixed, grid_patches, naflex, tiles
from repository.places import ROOT
from tests.builders.vision.processors.compared import written
from tests.builders.vision.processors.pictures import drawn

PYTHON = ROOT / ".venv-server" / "bin" / "python"

SCRIPT = """
import hashlib, json, sys
import numpy as np
from builders.vision.stages.processors import fixed, grid_patches, naflex, tiles
pixels, settings = np.load(sys.argv[1]), json.load(open(sys.argv[2]))
makers = {"naflex": naflex.process, "fixed": fixed.process}
most = grid_patches.process if settings["kind"] == "grid" else tiles.process
make = makers.get(settings["kind"], lambda s, p: most(s, p, 9999))
found = make(settings, pixels)
found = found if isinstance(found, np.ndarray) else found[0]
print(np.__version__, hashlib.sha256(found.tobytes()).hexdigest(), found.dtype)
"""


@pytest.mark.skipif(not PYTHON.exists(), reason="no environment of the local Triton")
@pytest.mark.parametrize(
    "name",
    [
        "CLIPImageProcessor",
        "GotOcr2ImageProcessor",
        pytest.param("Qwen2VLImageProcessor", marks=pytest.mark.thorough),
        pytest.param("Siglip2ImageProcessor", marks=pytest.mark.thorough),
        pytest.param("Idefics3ImageProcessor", marks=pytest.mark.thorough),
        pytest.param("Gemma3ImageProcessor", marks=pytest.mark.thorough),
        pytest.param("LlavaOnevisionImageProcessor", marks=pytest.mark.thorough),
    ],
)
def test_numpy_of_the_server_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    settings = written(tmp_path, name)
    pixels = np.ascontiguousarray(drawn(np.random.default_rng(3), 101, 173)[..., :3])
    np.save(tmp_path / "pixels.npy", pixels)
    (tmp_path / "settings.json").write_text(json.dumps(settings), "utf-8")
    command: list[str | Path] = [
        PYTHON,
        "-c",
        SCRIPT,
        tmp_path / "pixels.npy",
        tmp_path / "settings.json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    version, found, dtype = done.stdout.split()
    assert version.startswith("1.26.")
    if settings["kind"] == "fixed":
        own = fixed.process(settings, pixels)
    elif settings["kind"] == "grid":
        own = grid_patches.process(settings, pixels, 9999)[0]
    elif settings["kind"] == "naflex":
        own = naflex.process(settings, pixels)[0]
    else:
        own = tiles.process(settings, pixels, 9999)[0]
    assert (found, dtype) == (hashlib.sha256(own.tobytes()).hexdigest(), "float32")
