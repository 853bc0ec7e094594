"""A decoder as a checkpoint of its own, of the files alone that its weights are read from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.weights import HEAD, own_names
from builders.kit.sources.error import read_settings
from builders.kit.sources.headers import ONE_FILE, read_headers
from builders.kit.sources.weights import INDEX

_HEADS = {"logits_scaling": 1.0, "final_logit_softcapping": None}
"""What the heads of Granite and Gemma 2 do with logits -> the number with which they do not."""


def save_alone(decoder: Decoder, folder: Path) -> None:
    """Write a decoder's config.json and weights, in the class of the decoder itself.

    Nothing else of the checkpoint comes along: no code, no pickles, no tokenizer. Weights of a
    checkpoint of the decoder alone are linked, not copied.

    Args:
        decoder: the checkpoint's.
        folder: an empty folder.
    """
    headers = read_headers(decoder.path)
    own = own_names(headers, wrapped=decoder.wrapped)
    content = read_settings(decoder.path / "config.json")
    config = _config(decoder, content, untied=HEAD in own)
    (folder / "config.json").write_text(json.dumps(config, indent=2), "utf-8")
    if not decoder.wrapped:
        for name in {each.file for each in headers.values()}:
            (folder / name).symlink_to((decoder.path / name).absolute())
        index = decoder.path / f"model{INDEX}"
        if not (decoder.path / ONE_FILE).is_file():
            (folder / index.name).write_bytes(index.read_bytes())
        return
    weight_map: dict[str, str] = {}
    by_file: dict[str, dict[str, str]] = {}
    for name, there in own.items():
        by_file.setdefault(headers[there].file, {})[name] = there
    for number, (file, names) in enumerate(sorted(by_file.items())):
        shard = f"model-{number}.safetensors"
        _save(decoder.path / file, names, folder / shard)
        weight_map |= dict.fromkeys(names, shard)
    listed = {"metadata": {}, "weight_map": weight_map}
    (folder / f"model{INDEX}").write_text(json.dumps(listed), "utf-8")


def _config(decoder: Decoder, content: Mapping[str, Any], *, untied: bool) -> dict[str, Any]:
    made = dict((content.get("text_config") or {}) if decoder.wrapped else content)
    made.pop("auto_map", None)
    if decoder.wrapped:
        made["tie_word_embeddings"] = not untied
        # The class around it has a head of its own, which does neither.
        made |= _HEADS
    return {
        **made,
        "model_type": decoder.model_type,
        "architectures": [decoder.language_model],
        "eos_token_id": list(decoder.tokens.eos),
        "bos_token_id": decoder.tokens.bos,
        "pad_token_id": decoder.tokens.pad,
    }


def _save(file: Path, names: Mapping[str, str], out: Path) -> None:
    """Write some of a file's tensors under other names: new name -> its name there."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    def tensors() -> Iterator[tuple[str, Any]]:
        with safe_open(file, framework="pt") as opened:
            for name, there in names.items():
                yield name, opened.get_tensor(there)

    save_file(dict(tensors()), out, metadata={"format": "pt"})
