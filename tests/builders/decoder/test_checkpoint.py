"""What a checkpoint's files say of its decoder, as transformers reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from builders.decoder.checkpoint.architecture import Architecture, Folder
from builders.decoder.checkpoint.language import CARRIED
from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.checkpoint.wrapper import WRAPPERS, Wrapper
from builders.decoder.engines.local import most_tokens
from builders.decoder.exports.corrected import layers_of
from builders.kit.sources.error import SourceError
from builders.kit.sources.values import Values
from repository.release import release
from tests.builders.decoder.checkpoints.forms import DEMO, TEXTS, WINDOW, edit
from tests.builders.decoder.checkpoints.page import FORMS

SMALL = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TEXTS["Llama"](tmp_path_factory.mktemp("llama") / "checkpoint")


@pytest.fixture
def copy(llama: Path, tmp_path: Path) -> Path:
    """Its small files, to be changed, and its weights."""
    for name in SMALL:
        (tmp_path / name).write_bytes((llama / name).read_bytes())
    (tmp_path / "model.safetensors").symlink_to(llama / "model.safetensors")
    return tmp_path


def change(folder: Path, name: str, **values: Any) -> None:
    content = json.loads((folder / name).read_text("utf-8"))
    (folder / name).write_text(json.dumps({**content, **values}), "utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_decoder(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("each", CARRIED, ids=str)
def test_what_is_left_out_is_what_transformers_has(each: Architecture) -> None:
    import transformers

    config = transformers.CONFIG_MAPPING[each.model_type]()
    wrong: list[str] = []
    values = Values("config.json", {}, wrong)
    found = each.read(values)
    assert (found.layers, found.hidden) == (config.num_hidden_layers, config.hidden_size)
    assert (found.heads, found.vocab) == (config.num_attention_heads, config.vocab_size)
    assert found.kv_heads == (config.num_key_value_heads or found.heads)
    assert found.head_dim == (getattr(config, "head_dim", None) or found.hidden // found.heads)
    assert found.context == config.max_position_embeddings
    windows = [layer.window for layer in layers_of(config) if layer.window]
    assert each.window(values) == min(windows, default=None)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", FORMS)
def test_what_is_known_is_what_transformers_says(name: str, tmp_path: Path) -> None:
    import transformers

    decoder = read_decoder(FORMS[name](tmp_path / "checkpoint"))
    whole = transformers.AutoConfig.from_pretrained(tmp_path / "checkpoint")
    config = whole.get_text_config()
    assert whole.architectures == [decoder.architecture]
    assert decoder.layers == config.num_hidden_layers
    assert decoder.kv_heads == (config.num_key_value_heads or config.num_attention_heads)
    assert (decoder.hidden, decoder.vocab) == (config.hidden_size, config.vocab_size)
    windows = [layer.window for layer in layers_of(config) if layer.window]
    assert decoder.window == min(windows, default=None)
    assert decoder.context == (64 if "LongRoPE" in name else config.max_position_embeddings)
    assert (decoder.images is None) is (name in TEXTS)


def test_a_text_ends_where_transformers_ends_it_and_where_a_turn_does(copy: Path) -> None:
    change(copy, "config.json", eos_token_id=9)
    change(copy, "generation_config.json", eos_token_id=[7, 8])
    assert read_decoder(copy).tokens.eos == (7, 8, 5)
    (copy / "generation_config.json").unlink()
    assert read_decoder(copy).tokens.eos == (9, 5)
    change(copy, "tokenizer_config.json", eos_token={"content": "<image>"})
    assert read_decoder(copy).tokens.eos == (9, 2)
    change(copy, "tokenizer_config.json", eos_token="<nowhere>")
    assert read_decoder(copy).tokens.eos == (9,)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"eos_token_id": 640}, "eos_token_id: 640 (expected a token from 0 to 639)"),
        ({"eos_token_id": [5, "x"]}, 'eos_token_id: [5, "x"] (expected a token'),
        ({"bos_token_id": True}, "bos_token_id: true (expected a token"),
    ],
)
def test_tokens_that_are_none_are_refused(copy: Path, values: Any, said: str) -> None:
    change(copy, "generation_config.json", **values)
    assert said in refusal(copy)


def test_minus_one_is_no_token(copy: Path) -> None:
    change(copy, "generation_config.json", pad_token_id=-1)
    assert read_decoder(copy).tokens.pad == 0


@pytest.mark.parametrize(
    ("name", "content", "template"),
    [
        ("chat_template.jinja", "a", "a"),
        ("chat_template.json", '{"chat_template": "b"}', "b"),
        ("tokenizer_config.json", '{"eos_token": "<|end|>", "chat_template": "c"}', "c"),
        (
            "tokenizer_config.json",
            '{"chat_template": [{"name": "tools", "template": "x"},'
            ' {"name": "default", "template": "d"}]}',
            "d",
        ),
        ("tokenizer_config.json", "{}", None),
    ],
)
def test_a_chat_template_is_found_wherever_it_lies(
    copy: Path, name: str, content: str, template: str | None
) -> None:
    (copy / name).write_text(content, "utf-8")
    assert read_decoder(copy).template == template


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("chat_template.jinja", b"\xff", "expected a text in UTF-8"),
        ("chat_template.jinja", b" " * (1 << 20) + b"x", "1,048,576 bytes"),
        ("chat_template.json", b'{"chat_template": 7}', "expected a chat template as a text"),
        ("tokenizer.json", b"{}", "expected a tokenizer with a vocabulary"),
        ("tokenizer.json", b"[", "expected JSON"),
        ("config.json", b'{"model_type": "llama", "rope_scaling": 3}', "rope_scaling: 3"),
        ("config.json", b'{"model_type": "llama", "hidden_size": -1}', "hidden_size: -1"),
        ("generation_config.json", b"[]", "expected a JSON object"),
    ],
)
def test_broken_files_are_refused(copy: Path, name: str, content: bytes, said: str) -> None:
    (copy / name).write_bytes(content)
    assert said in refusal(copy)


def test_old_names_of_positions_are_read(copy: Path) -> None:
    linear = {"type": "linear", "factor": 2}
    edit(copy, rope_parameters=None, rope_theta=10000.0, rope_scaling=linear)
    assert read_decoder(copy).context == 256
    edit(copy, rope_scaling={"type": "su", "original_max_position_embeddings": 32})
    assert read_decoder(copy).context == 32
    edit(copy, rope_scaling={"type": "su"})
    assert "original_max_position_embeddings: none" in refusal(copy)


@pytest.mark.parametrize("each", WRAPPERS, ids=str)
def test_an_image_token_that_nobody_knows_is_refused(each: Wrapper, llama: Path) -> None:
    """LLaVA's own number for it lies beyond the demo's vocabulary."""
    wrong: list[str] = []
    folder = Folder(llama, Values("config.json", {}, wrong), {})
    assert each.images(folder, {"<image>": each.image_token}, 4) is None
    assert "a token that the tokenizer and the language model know" in wrong[0]


def test_rows_of_an_image_are_those_of_its_tower() -> None:
    images = read_decoder(DEMO).images
    assert images is not None and images.rows == 64


def test_old_onnxruntime_gets_windows_wrong(tmp_path: Path) -> None:
    decoder = read_decoder(TEXTS["Mistral, window"](tmp_path / "checkpoint"))
    assert most_tokens(decoder, release("25.12")) == (256, "the checkpoint was made for")
    most, why = most_tokens(decoder, release("24.10"))
    assert most == WINDOW and "onnxruntime 1.23 gets longer texts" in why
