"""From a checkpoint's folder to its decoder, or to one sentence that says what is in the way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builders.decoder.checkpoint import language, wrapper
from builders.decoder.checkpoint.architecture import Architecture, Folder
from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.refused import ENCODER, REFUSED
from builders.decoder.checkpoint.template import read_template
from builders.decoder.checkpoint.tokens import read_tokens, read_vocabulary, settings
from builders.decoder.checkpoint.weights import mistakes, own_names
from builders.decoder.checkpoint.wrapper import Wrapper
from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.headers import read_headers
from builders.kit.sources.values import Values, refuse_all
from repository.findings import shortened


def read_decoder(path: Path) -> Decoder:
    """Read a checkpoint's small files, and the headers of its weights.

    Args:
        path: its folder, as transformers' ``save_pretrained`` writes it.

    Raises:
        SourceError: no such folder, an architecture that is not carried, or settings that are not,
            or that the weights contradict; all of what is wrong is told.
    """
    file = path / "config.json"
    if not file.is_file():
        raise SourceError(
            f"{path}: expected a decoder's checkpoint, with config.json, found none. {known()}"
        )
    content = read_settings(file)
    around, architecture = _architecture(path, content)
    wrong: list[str] = []
    config = Values("config.json", content, wrong)
    folder = Folder(path, config, read_headers(path))
    text = folder.part("text_config") if around else config
    config.only({"quantization_config": ()})
    sizes = architecture.read(text)
    own = own_names(folder.headers, wrapped=around is not None)
    wrong += mistakes(own, folder.headers, sizes)
    vocabulary = read_vocabulary(path)
    tokenizer = settings(path, "tokenizer_config.json")
    generation = Values("generation_config.json", settings(path, "generation_config.json"), wrong)
    configs = (text, config) if around else (config,)
    tokens = read_tokens(generation, configs, tokenizer, vocabulary, sizes.vocab)
    images = around.images(folder, vocabulary, sizes.vocab) if around else None
    scale = architecture.scale(text, sizes)
    refuse_all(path, f"settings of a {architecture.name} that are carried", wrong)
    return Decoder(
        path=path,
        architecture=(around or architecture).model_class,
        language_model=architecture.model_class,
        model_type=architecture.model_type,
        layers=sizes.layers,
        kv_heads=sizes.kv_heads,
        head_dim=sizes.head_dim,
        hidden=sizes.hidden,
        vocab=sizes.vocab,
        context=sizes.context,
        scale=scale,
        window=architecture.window(text),
        tokens=tokens,
        images=images,
        template=read_template(path, tokenizer),
    )


def known() -> str:
    """Which architectures are carried, a sentence."""
    both = ", ".join(map(str, (*language.CARRIED, *wrapper.WRAPPERS)))
    return f"Carried are {both}, each as a folder in Hugging Face format."


def carried(content: Mapping[str, object]) -> tuple[Wrapper | None, Architecture] | None:
    """The decoder that a config.json names, and the model around it; None if it is not carried."""
    kind, classes = content.get("model_type"), content.get("architectures")
    around = wrapper.BY_TYPE.get(str(kind))
    model: Wrapper | Architecture | None
    if around is None:
        model = found = language.BY_TYPE.get(str(kind))
    else:
        model, text = around, content.get("text_config") or {}
        inner = text.get("model_type", around.text) if isinstance(text, dict) else None
        found = language.BY_TYPE.get(str(inner))
    if model is None or found is None or classes not in (None, [], [model.model_class]):
        return None
    return around, found


def refusal(content: Mapping[str, object]) -> str | None:
    """What is in the way of a model that is known and not carried, after "it"; otherwise None."""
    kind, text = str(content.get("model_type")), content.get("text_config")
    if kind in wrapper.BY_TYPE and isinstance(text, dict):
        inner = str(text.get("model_type"))
        if inner in REFUSED:
            return f"has a language model of model_type '{inner}', which {REFUSED[inner]}"
    if content.get("is_encoder_decoder") is True:
        return REFUSED.get(kind, ENCODER)
    return REFUSED.get(kind)


def _architecture(path: Path, content: Mapping[str, object]) -> tuple[Wrapper | None, Architecture]:
    kind = content.get("model_type")
    if reason := refusal(content):
        raise SourceError(
            f"{path}: '{shortened(str(kind))}' is not carried: it {reason}. {known()}"
        )
    if found := carried(content):
        return found
    told = f"model_type {kind!r}"
    text = content.get("text_config")
    if str(kind) in wrapper.BY_TYPE and isinstance(text, dict):
        told += f", whose language model is of model_type {text.get('model_type')!r}"
    if str(kind) in (*wrapper.BY_TYPE, *language.BY_TYPE):
        told += f", and the classes {content.get('architectures')}"
    raise SourceError(
        f"{path}: expected a decoder that is carried, found {shortened(told)}. {known()}"
    )
