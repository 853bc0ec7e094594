"""The demo checkpoint's decoder: its files, and the texts that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.exports.exports import graph
from builders.decoder.exports.parity import load
from builders.kit.build.parity import compare_files
from tests.builders.decoder.conftest import DEMO

# One process exports the decoder.
pytestmark = pytest.mark.xdist_group("demo_decoder")

SIZES = {"layers": 4, "kv_heads": 5, "head_dim": 32, "hidden": 160, "vocab": 640, "context": 512}
DECODER = {**SIZES, "eos": [5], "bos": 1, "pad": 0}
SPECIAL = {
    "bos_token": "<s>",
    "eos_token": "<|end|>",
    "image_token": "<image>",
    "pad_token": "<pad>",
}


def test_the_language_model_of_a_llava_is_known() -> None:
    decoder = read_decoder(DEMO)
    assert (decoder.architecture, decoder.language_model) == (
        "LlavaForConditionalGeneration",
        "LlamaForCausalLM",
    )
    assert decoder.images is not None
    assert (decoder.images.text, decoder.images.rows) == ("<image>", 64)


def test_its_settings_say_what_the_engine_needs(demo_decoder: Path) -> None:
    expected = {
        **DECODER,
        "special": SPECIAL,
        "image_token": 2,
        "image_text": "<image>",
        "image_rows": 64,
    }
    assert json.loads((demo_decoder / "decoder.json").read_text("utf-8")) == expected


def test_its_files_are_the_checkpoint_s(demo_decoder: Path) -> None:
    assert {each.name for each in demo_decoder.iterdir()} == {
        *("decoder", "decoder.json", "embeddings.npy", "tokenizer.json", "chat_template.jinja")
    }
    for name in ("tokenizer.json", "chat_template.jinja"):
        assert (demo_decoder / name).read_bytes() == (DEMO / name).read_bytes()


def test_its_graph_is_near_to_transformers(demo_decoder: Path) -> None:
    parity = graph(read_decoder(DEMO), "fp32").parity
    assert parity is not None
    found = compare_files(parity, DEMO, demo_decoder / "decoder")
    assert max(each.relative for each in found) < 1e-5


def test_its_embeddings_are_those_of_the_model(demo_decoder: Path) -> None:
    table = np.load(demo_decoder / "embeddings.npy", mmap_mode="r")
    _, model = load(DEMO)
    wanted = model.get_input_embeddings().weight.detach().numpy()
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, wanted)


@pytest.mark.thorough
def test_it_is_made_of_the_same_bytes_each_time(demo_decoder: Path, tmp_path: Path) -> None:
    from builders.decoder.exports.graph import make_graph

    make_graph("fp32", DEMO, tmp_path / "again")
    for name in ("model.onnx", "model.onnx.data"):
        again = (tmp_path / "again" / name).read_bytes()
        assert again == (demo_decoder / "decoder" / name).read_bytes()
