"""What a checkpoint's settings say, and the sentence for what is not served."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders.embed.checkpoint.layers import Dense, Normalise, Pooling
from builders.embed.checkpoint.read import Embedder, read_embedder
from builders.embed.checkpoint.recognise import is_embedder, refusal
from builders.kit.sources.error import SourceError

CONFIG = {
    "model_type": "bert",
    "hidden_size": 384,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
}
POOLING = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}


def written(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content), "utf-8")
    return folder


def listed(*modules: tuple[str, str]) -> list[dict[str, str]]:
    return [{"type": f"sentence_transformers.{kind}", "path": path} for kind, path in modules]


ENCODER = ("models.Transformer", "")
MODULES = listed(ENCODER, ("models.Pooling", "1_Pooling"), ("models.Normalize", "2_Normalize"))
WHOLE = {"config.json": CONFIG, "modules.json": MODULES, "1_Pooling/config.json": POOLING}


def test_a_folder_of_sentence_transformers_says_all(tmp_path: Path) -> None:
    files = {"sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": True}}
    found = read_embedder(written(tmp_path, WHOLE | files))
    assert found.layers == (Pooling(("mean",)), Normalise())
    assert (found.maximum_length, found.lower_case, found.width) == (256, True, 384)
    assert found.is_normalised


def test_without_modules_it_is_the_mean_as_it_is(tmp_path: Path) -> None:
    found = read_embedder(written(tmp_path, {"config.json": CONFIG}))
    assert found.layers == (Pooling(("mean",)),) and not found.is_normalised
    assert (found.maximum_length, found.lower_case) == (512, False)


def test_an_encoder_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    modules = listed(("models.Transformer", "0_BERT"), ("models.Pooling", "1_Pooling"))
    files = {
        "0_BERT/config.json": CONFIG,
        "0_BERT/sentence_bert_config.json": {"max_seq_length": 128},
        "modules.json": modules,
        "1_Pooling/config.json": {"embedding_dimension": 384, "pooling_mode": ["cls", "mean"]},
    }
    found = read_embedder(written(tmp_path, files))
    assert (found.folder, found.maximum_length, found.width) == ("0_BERT", 128, 768)
    assert found.layers == (Pooling(("cls", "mean")),)


def test_a_dense_layer_changes_the_width(tmp_path: Path) -> None:
    modules = listed(ENCODER, ("models.Pooling", "1_Pooling"), ("base.modules.dense.Dense", "2"))
    files = WHOLE | {
        "modules.json": modules,
        "2/config.json": {"in_features": 384, "out_features": 128},
        "2/model.safetensors": {},
    }
    found = read_embedder(written(tmp_path, files))
    assert found.width == 128
    assert found.layers[1] == Dense("2", 384, 128, True, "Tanh")


@pytest.mark.parametrize(
    ("config", "tokenizer", "most"),
    [
        ({}, {"model_max_length": 128}, 128),
        ({}, {"model_max_length": 10**30}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514}, {}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1},
         {"model_max_length": 8192}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514}, {"model_max_length": 512}, 512),
    ],
)  # fmt: skip
def test_a_text_has_no_more_tokens_than_the_encoder_has_positions(
    tmp_path: Path, config: dict[str, Any], tokenizer: dict[str, Any], most: int
) -> None:
    files = {"config.json": CONFIG | config, "tokenizer_config.json": tokenizer}
    assert read_embedder(written(tmp_path, files)).maximum_length == most


def _with(name: str, **changes: Any) -> Callable[[Path], Path]:
    def change(folder: Path) -> Path:
        return written(folder, WHOLE | {name: {**WHOLE.get(name, {}), **changes}})  # type: ignore[dict-item]

    return change


def _modules(*modules: tuple[str, str]) -> Callable[[Path], Path]:
    return lambda folder: written(folder, WHOLE | {"modules.json": listed(*modules)})


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no folder of a model": (lambda folder: folder, "with ./config.json, found none"),
    "another encoder": (_with("config.json", model_type="t5"), "model_type: \"t5\" .expected bert"),
    "a decoder": (_with("config.json", is_decoder=True), "is_decoder: true"),
    "relative positions": (
        _with("config.json", position_embedding_type="relative_key"), "position_embedding_type"
    ),
    "weighted mean": (
        _with("1_Pooling/config.json", pooling_mode_weightedmean_tokens=True),
        "pooling_mode_weightedmean_tokens: true",
    ),
    "an unknown pooling": (
        _with("1_Pooling/config.json", pooling_mode="attention"),
        "\"attention\" .expected some of cls",
    ),
    "a pooling of another width": (
        _with("1_Pooling/config.json", word_embedding_dimension=768), "768 .expected 384, the enc"
    ),
    "a prompt that goes before": (
        _with("config_sentence_transformers.json", default_prompt_name="query"),
        "default_prompt_name",
    ),
    "a sparse encoder": (
        _with("config_sentence_transformers.json", model_type="SparseEncoder"), "SparseEncoder"
    ),
    "two encoders": (_modules(ENCODER, ENCODER), "found Transformer, Transformer"),
    "no pooling": (_modules(ENCODER, ("models.Normalize", "2")), "one Pooling right after the"),
    "another module": (
        _modules(ENCODER, ("models.Pooling", "1_Pooling"), ("models.CNN", "2")), "Pooling, CNN"
    ),
    "the checkpoint's own code": (
        lambda folder: written(folder, WHOLE | {"modules.json": [{"type": "mine.X", "path": ""}]}),
        "found mine.X. Code of a checkpoint is never run",
    ),
    "a list of nothing": (
        lambda folder: written(folder, WHOLE | {"modules.json": []}), "found none"
    ),
    "a folder outside": (_modules(("models.Transformer", "../x")), "expected"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_served_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    change, said = REFUSED[name]
    with pytest.raises(SourceError, match=said):
        read_embedder(change(tmp_path))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    modules = listed(ENCODER, ("models.Pooling", "1_Pooling"), ("models.Dense", "2_Dense"))
    files = WHOLE | {
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": "long"},
        "2_Dense/config.json": {
            "in_features": 7, "out_features": 9, "activation_function": "mine.Act",
        },
    }  # fmt: skip
    with pytest.raises(SourceError) as refused:
        read_embedder(written(tmp_path, files))
    said = str(refused.value)
    assert all(each in said for each in ("max_seq_length", "in_features", "mine.Act", "no weights"))


def test_an_embedder_is_told_apart_by_its_files(tmp_path: Path) -> None:
    one = read_embedder(written(tmp_path / "one", WHOLE))
    other = read_embedder(written(tmp_path / "other", {"config.json": CONFIG}))
    assert isinstance(one, Embedder) and one != other


@pytest.mark.parametrize("model_type", [[], {}, 7, None, True])
def test_a_model_type_that_is_no_text_is_none_that_is_served(
    model_type: object, tmp_path: Path
) -> None:
    folder = written(tmp_path, {"config.json": {"model_type": model_type}})
    assert not is_embedder(folder) and refusal(folder) is None
