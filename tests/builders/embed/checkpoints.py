"""Small checkpoints of random weights, in the format of sentence-transformers or transformers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

HIDDEN, POSITIONS = 32, 80
"""Of every encoder here; positions, as its config.json counts them."""

KINDS = ("roberta", "bert", "camembert", "distilbert", "mpnet", "xlm-roberta")

_SMALL: Mapping[str, Any] = {
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": POSITIONS,
}
_SMALL_DISTILBERT: Mapping[str, Any] = {
    "dim": HIDDEN,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dim": 48,
    "max_position_embeddings": POSITIONS,
}

Module = tuple[str, str, Mapping[str, Any] | None]
"""A module's kind, its folder, and its config.json; the encoder's is empty."""

ENCODER: Module = ("Transformer", "", None)
NORMALIZE: Module = ("Normalize", "2_Normalize", None)


def pooling(**modes: bool) -> Module:
    """A pooling module, as older files write it: ``pooling(mean_tokens=True)``."""
    asked = {f"pooling_mode_{mode}": given for mode, given in modes.items()}
    return "Pooling", "1_Pooling", {"word_embedding_dimension": HIDDEN, **asked}


def dense(inputs: int, outputs: int, **settings: Any) -> Module:
    return "Dense", "2_Dense", {"in_features": inputs, "out_features": outputs, **settings}


MEAN = pooling(mean_tokens=True)


def write(
    folder: Path,
    kind: str = "bert",
    modules: Sequence[Module] | None = (ENCODER, MEAN, NORMALIZE),
    settings: Mapping[str, Any] | None = None,
    **config: Any,
) -> Path:
    """Writes a checkpoint.

    Args:
        folder: where; it is made.
        kind: the encoder's ``model_type``.
        modules: in ``modules.json``; None for a folder as transformers alone saves it.
        settings: sentence_bert_config.json.
        config: further settings of config.json.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    listed = modules or ()
    inner = folder / next((path for name, path, _ in listed if name == "Transformer"), "")
    size = _tokenizer(inner, kind)
    small = _SMALL_DISTILBERT if kind == "distilbert" else _SMALL
    torch.manual_seed(7)
    made = AutoConfig.for_model(kind, vocab_size=size, **{**small, **config})
    AutoModel.from_config(made).eval().save_pretrained(inner)
    if settings is not None:
        (inner / "sentence_bert_config.json").write_text(json.dumps(settings), "utf-8")
    if modules is not None:
        (folder / "modules.json").write_text(json.dumps(_listed(modules)), "utf-8")
    for name, path, content in listed:
        if content is not None:
            (folder / path).mkdir()
            (folder / path / "config.json").write_text(json.dumps(content), "utf-8")
            _weights(name, content, folder / path / "model.safetensors")
    return folder


def _listed(modules: Sequence[Module]) -> list[dict[str, object]]:
    return [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{name}"}
        for at, (name, path, _) in enumerate(modules)
    ]


def _weights(name: str, content: Mapping[str, Any], file: Path) -> None:
    random = np.random.default_rng(5)
    if name == "Dense":
        shape = (content["out_features"], content["in_features"])
        weights = {"linear.weight": random.standard_normal(shape, np.float32) / shape[1] ** 0.5}
        if content.get("bias", True):
            weights["linear.bias"] = random.standard_normal(shape[0], np.float32)
        save_file(weights, file)
    elif name == "LayerNorm":
        size = content["dimension"]
        rows = random.standard_normal((2, size), np.float32)
        save_file({"norm.weight": 1 + rows[0], "norm.bias": rows[1]}, file)


def _tokenizer(folder: Path, kind: str) -> int:
    """Writes a tokenizer of letters; how many tokens it has."""
    import transformers
    from tokenizers import pre_tokenizers

    made: Any

    letters = [chr(each) for each in range(33, 127)]
    if kind in ("bert", "distilbert", "mpnet"):
        special = (
            ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
            if kind == "mpnet"
            else ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        )
        pieces = [*special, *letters, *(f"##{each}" for each in letters), "boat", "##s", "late"]
        vocabulary = {piece: number for number, piece in enumerate(pieces)}
        of = transformers.MPNetTokenizer if kind == "mpnet" else transformers.BertTokenizer
        made = of(vocab=vocabulary)
    else:
        pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        pieces += sorted(pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {piece: number for number, piece in enumerate(pieces)}
        made = transformers.RobertaTokenizer(vocab=vocabulary, merges=[])
    made.model_max_length = POSITIONS
    made.save_pretrained(folder)
    return int(max(made.get_vocab().values())) + 1
