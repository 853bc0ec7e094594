"""The small files beside a decoder's graph: what it is, its tokenizer and its chat template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.checkpoint.template import FILE as TEMPLATE_FILE
from builders.decoder.checkpoint.tokens import TOKENIZER as TOKENIZER_FILE
from builders.decoder.stages.asking.contents import contents_of
from builders.decoder.stages.templating.template import BrokenTemplate, ChatTemplate
from builders.kit.export import Export
from builders.kit.sources.error import SourceError
from builders.kit.sources.tokenizer import read_tokenizer

SETTINGS_FILE = "decoder.json"


def make_settings(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write what the engine has to know of a decoder."""
    made = as_json(read_decoder(checkpoint))
    out.write_text(json.dumps(made, ensure_ascii=False), "utf-8")
    return {"context": made["context"], "eos": made["eos"]}


def as_json(decoder: Decoder) -> Mapping[str, object]:
    """What the engine has to know of a decoder, as JSON values."""
    images = decoder.images
    return {
        "layers": decoder.layers,
        "kv_heads": decoder.kv_heads,
        "head_dim": decoder.head_dim,
        "hidden": decoder.hidden,
        "vocab": decoder.vocab,
        "context": decoder.context,
        "eos": list(decoder.tokens.eos),
        "bos": decoder.tokens.bos,
        "pad": decoder.tokens.pad,
        "special": dict(decoder.tokens.special),
        "image_token": images.token if images else None,
        "image_text": images.text if images else None,
        "image_rows": images.rows if images else None,
    }


def make_tokenizer(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the tokenizer as the checkpoint has it.

    Raises:
        SourceError: it has none, or one that cannot be read.
    """
    read_tokenizer(checkpoint / TOKENIZER_FILE)
    out.write_bytes((checkpoint / TOKENIZER_FILE).read_bytes())
    return {}


def make_template(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the chat template of a checkpoint that has one.

    Raises:
        SourceError: it writes out no chat, or does more than is served.
    """
    decoder = read_decoder(checkpoint)
    text = decoder.template or ""
    try:
        template = ChatTemplate(text, decoder.tokens.special)
        taken = contents_of(template, decoder.images.text if decoder.images else None)
    except BrokenTemplate as error:
        raise SourceError(
            f"{checkpoint}: {error}. Correct it, or leave it out to serve prompts without chats."
        ) from error
    out.write_text(text, "utf-8")
    return {"contents": [name for name, each in vars(taken).items() if each]}


SETTINGS = Export.file(SETTINGS_FILE, source="decoder", make=make_settings, form=read_decoder)
TOKENIZER = Export.file(TOKENIZER_FILE, source="decoder", make=make_tokenizer, form=read_decoder)
TEMPLATE = Export.file(TEMPLATE_FILE, source="decoder", make=make_template, form=read_decoder)
