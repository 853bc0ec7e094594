"""Exports of a build run side by side, and each loads a model of transformers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
LOAD = """
import threading
from pathlib import Path
from builders.asr.whisper.checkpoint import read_checkpoint
from builders.kit.onnx import load_transformers

tiny, demo = Path("tests/builders/asr/whisper/tiny"), Path("builders/asr/demo/parakeet")
todo = [
    lambda: load_transformers(demo, "AutoModelForCTC"),
    lambda: load_transformers(tiny, "WhisperForConditionalGeneration"),
    lambda: read_checkpoint(tiny).mel_filters(),
]
together, done = threading.Barrier(len(todo)), []

def go(each):
    together.wait()
    each()
    done.append(each)

threads = [threading.Thread(target=go, args=(each,)) for each in todo]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(done))
"""


@pytest.mark.thorough
def test_models_load_side_by_side_in_a_new_process() -> None:
    """Where transformers is imported first by several threads at once."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.stdout == "3\n", done.stderr
