"""From a checkpoint's folder to what is served of it, or to the sentence that says why not.

Small JSON files are read, and no weights: a plan asks for this too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.embed.checkpoint.encoders import SERVED, Encoder, read_encoder
from builders.embed.checkpoint.layers import (
    KINDS,
    Dense,
    Layer,
    Normalise,
    Pooling,
    read_layer,
)
from builders.kit.sources.error import SourceError, read_settings, told
from builders.kit.sources.files import inside
from builders.kit.sources.values import LIMIT, Values, refuse_all
from repository.files.json_file import read_json
from repository.findings import shortened

MODULES = "modules.json"

_PACKAGE = "sentence_transformers."

_SETTINGS = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_xlm-roberta_config.json",
)
"""Where sentence-transformers looks for an encoder's settings, in its order."""


@dataclass(frozen=True)
class Embedder:
    """What is served of a checkpoint.

    Attributes:
        folder: the encoder's folder in it; empty for the checkpoint's own.
        encoder: what it is.
        layers: what makes one vector of the encoder's, in order.
        maximum_length: the most tokens of a text.
        lower_case: texts are put into small letters before all else.
        width: of a text's vector.
    """

    folder: str
    encoder: Encoder
    layers: tuple[Layer, ...]
    maximum_length: int
    lower_case: bool
    width: int

    @property
    def is_normalised(self) -> bool:
        """Whether vectors have the length 1."""
        return bool(self.layers) and isinstance(self.layers[-1], Normalise)


def read_embedder(path: Path) -> Embedder:
    """What a checkpoint's settings say.

    Raises:
        SourceError: it is no checkpoint of an encoder, or has settings that are not served; all of
            them are told.
    """
    modules = _modules(path)
    folder = modules[0][1]
    inner = inside(path, folder) if folder else path
    if not (inner / "config.json").is_file():
        raise SourceError(
            f"{path}: expected a sentence-embedding checkpoint, with {folder or '.'}/config.json, "
            f"found none. Served are {SERVED}, each as a folder in Hugging Face format."
        )
    wrong: list[str] = []
    encoder = read_encoder(Values("config.json", read_settings(inner / "config.json"), wrong))
    if wrong:
        # What follows would be measured against an encoder that is not known.
        refuse_all(path, f"an encoder that is served ({SERVED})", wrong)
    length, lower = _input(path, inner, encoder, wrong)
    layers, width = _layers(path, modules[1:], encoder.hidden, wrong)
    refuse_all(path, "modules of sentence-transformers that are served", wrong)
    return Embedder(folder, encoder, layers, length, lower, width)


def _modules(path: Path) -> Sequence[tuple[str, str]]:
    """Kind and folder of each module, the encoder's first.

    Without ``modules.json`` sentence-transformers takes the mean, and so do we.
    """
    file = path / MODULES
    if not file.is_file():
        return [("Transformer", "")]
    with told():
        listed = read_json(file)
    found: list[tuple[str, str]] = []
    for each in listed if isinstance(listed, list) else ():
        of = each if isinstance(each, dict) else {}
        kind, folder = of.get("type"), of.get("path")
        if isinstance(kind, str) and kind.startswith(_PACKAGE) and isinstance(folder, str):
            found.append((kind.rpartition(".")[2], folder))
            continue
        raise SourceError(
            f"{file}: expected modules of sentence-transformers, each with a type and a path, "
            f"found {shortened(str(kind or each))}. Code of a checkpoint is never run: take one "
            "without such a module."
        )
    kinds = [kind for kind, _ in found]
    first, rest = kinds[:1], kinds[1:]
    if first != ["Transformer"] or any(kind not in KINDS for kind in rest):
        raise SourceError(
            f"{file}: expected a Transformer, and after it only {', '.join(KINDS)}, found "
            f"{', '.join(kinds) or 'none'}. Take a checkpoint with these modules only."
        )
    if rest.count("Pooling") != 1 or rest[0] != "Pooling":
        raise SourceError(
            f"{file}: expected one Pooling right after the Transformer, found {', '.join(kinds)}. "
            "Take a checkpoint that gives one vector for each text."
        )
    return found


def _layers(
    path: Path, modules: Sequence[tuple[str, str]], hidden: int, wrong: list[str]
) -> tuple[tuple[Layer, ...], int]:
    """The layers, and the width of what they give."""
    if not modules:
        return (Pooling(("mean",)),), hidden
    layers: list[Layer] = []
    width = hidden
    for kind, folder in modules:
        layer = read_layer(kind, path, folder, width, wrong)
        if isinstance(layer, Pooling):
            width *= len(layer.modes)
        elif isinstance(layer, Dense):
            width = layer.outputs
        if layer is not None:
            layers.append(layer)
    return tuple(layers), width


def _input(path: Path, inner: Path, encoder: Encoder, wrong: list[str]) -> tuple[int, bool]:
    """The most tokens of a text, and whether it is put into small letters."""
    named = next((each for each in _SETTINGS if (inner / each).is_file()), None)
    settings = Values(named or "", read_settings(inner / named) if named else {}, wrong)
    settings.only(
        {
            "do_lower_case": (True, False),
            "transformer_task": ("feature-extraction",),
            "module_output_name": ("token_embeddings",),
            "processing_kwargs": ({},),
            "query_length": (),
            "document_length": (),
            "query_expansion": (),
        }
    )
    whole = path / "config_sentence_transformers.json"
    if whole.is_file():
        Values(whole.name, read_settings(whole), wrong).only(
            {"default_prompt_name": (), "model_type": ("SentenceTransformer",)}
        )
    length = settings.whole("max_seq_length", default=0)
    if not length:
        file = inner / "tokenizer_config.json"
        content = read_settings(file) if file.is_file() else {}
        length = Values(file.name, content, wrong).whole(
            "model_max_length", default=encoder.longest, least=2, most=10**100
        )
    return max(2, min(length, encoder.longest, LIMIT)), settings.content.get(
        "do_lower_case"
    ) is True
