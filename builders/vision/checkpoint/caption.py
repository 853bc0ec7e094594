"""What a checkpoint's folder says of its text tower: CLIP's, SigLIP's or SigLIP 2's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.values import LIMIT, Values, refuse_all
from builders.vision.checkpoint.headers import read_headers
from repository.findings import shortened


@dataclass(frozen=True)
class Caption:
    """A text tower.

    Attributes:
        path: the checkpoint's folder.
        architecture: its class in transformers, as "CLIPModel".
        tokens: the most tokens of a text.
        fills: every text is filled up to that many tokens, as SigLIP was trained.
        masked: the tokenizer also says which tokens only fill, and the tower looks past those.
        pooled: the width of ``text_pooled``.
        vocabulary: how many tokens the tower knows.
        end: the token at which CLIP's tower reads a text off. None if it takes the text's highest
            token, as CLIP's first checkpoints do, or the last one, as SigLIP does.
    """

    path: Path
    architecture: str
    tokens: int
    fills: bool
    masked: bool
    pooled: int
    vocabulary: int
    end: int | None = None


@dataclass(frozen=True)
class _Kind:
    """What transformers has for a text tower where config.json leaves it out."""

    architecture: str
    whole: bool
    clip: bool

    @property
    def tokens(self) -> int:
        return 77 if self.clip else 64


_KINDS: Mapping[str, _Kind] = {
    "clip": _Kind("CLIPModel", whole=True, clip=True),
    "siglip": _Kind("SiglipModel", whole=True, clip=False),
    "siglip2": _Kind("Siglip2Model", whole=True, clip=False),
    "clip_text_model": _Kind("CLIPTextModelWithProjection", whole=False, clip=True),
    "siglip_text_model": _Kind("SiglipTextModel", whole=False, clip=False),
    "siglip2_text_model": _Kind("Siglip2TextModel", whole=False, clip=False),
}
"""``model_type`` -> the one of its classes that is served."""

ALONE = tuple(name for name, kind in _KINDS.items() if not kind.whole)
"""``model_type`` of text towers that come without an image's."""


def read_caption(path: Path) -> Caption:
    """Read config.json and tokenizer_config.json.

    Raises:
        SourceError: no text tower that is served, or one without a tokenizer; all that is wrong.
    """
    known = f"Served are {', '.join(each.architecture for each in _KINDS.values())}."
    file = path / "config.json"
    if not file.is_file():
        raise SourceError(f"{path}: expected a text tower, with config.json, found none. {known}")
    content = read_settings(file)
    kind = _KINDS.get(str(content.get("model_type")))
    classes = content.get("architectures")
    if kind is None or classes not in (None, [], [kind.architecture]):
        found = f"model_type {content.get('model_type')!r}, and the classes {classes}"
        raise SourceError(
            f"{path}: expected a text tower that is served, found {shortened(found)}. {known}"
        )
    wrong: list[str] = []
    config = Values("config.json", content, wrong)
    text = _text(config, kind) if kind.whole else config
    width = text.whole("hidden_size", 512 if kind.clip else 768, 1)
    if kind.clip:
        pooled = (config if kind.whole else text).whole("projection_dim", 512, 1)
    else:
        pooled = text.whole("projection_size", width, 1)
    positions = text.whole("max_position_embeddings", kind.tokens, 2)
    vocabulary = text.whole("vocab_size", 49408 if kind.clip else 32000, 1)
    wrong += read_headers(path).of_text.wrong(
        {
            "embeddings.token_embedding.weight": (vocabulary, width),
            "embeddings.position_embedding.weight": (positions, width),
            "text_projection.weight" if kind.clip else "head.weight": (pooled, width),
        }
    )
    tokenizer = Values("tokenizer_config.json", _tokenizer(path), wrong)
    refuse_all(path, "settings of a text tower that are served", wrong)
    given = tokenizer.content.get("model_max_length")
    longest = int(given) if isinstance(given, int | float) and 2 <= given < LIMIT else positions
    names = tokenizer.content.get("model_input_names")
    return Caption(
        path=path,
        architecture=kind.architecture,
        tokens=min(positions, longest),
        fills=not kind.clip,
        # A causal tower never sees what stands behind the end of a text.
        masked=not kind.clip and (not isinstance(names, list) or "attention_mask" in names),
        pooled=pooled,
        vocabulary=vocabulary,
        end=_end(text.content.get("eos_token_id", 49407), vocabulary) if kind.clip else None,
    )


def _end(given: object, vocabulary: int) -> int | None:
    """The end token of CLIP's texts. An ``eos_token_id`` of 2 stands in its first checkpoints by
    mistake, and transformers looks for no end there (``CLIPTextModel.forward``)."""
    return given if type(given) is int and given != 2 and 0 <= given < vocabulary else None


def _text(config: Values, kind: _Kind) -> Values:
    # An old key of CLIP; where it stands, transformers takes nothing from the other one.
    old = "text_config_dict"
    name = old if kind.clip and old in config.content else "text_config"
    found = config.content.get(name)
    if found is not None and not isinstance(found, dict):
        config.refuse(name, "an object")
    return Values(f"config.json, {name}", found if isinstance(found, dict) else {}, config.wrong)


def _tokenizer(path: Path) -> Mapping[str, object]:
    if (path / "tokenizer_config.json").is_file():
        return read_settings(path / "tokenizer_config.json")
    if any((path / each).is_file() for each in ("tokenizer.json", "vocab.json")):
        return {}
    raise SourceError(
        f"{path}: expected the text tower's tokenizer (tokenizer.json), found none. Save it with "
        "transformers' save_pretrained."
    )
