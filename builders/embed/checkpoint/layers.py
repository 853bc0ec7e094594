"""What stands behind the encoder in ``modules.json``: pooling, dense layers, normalising.

The names and defaults are sentence-transformers' (its modules Pooling, Dense, LayerNorm, Normalize
and Dropout).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builders.kit.sources.error import read_settings
from builders.kit.sources.files import inside
from builders.kit.sources.values import Values

POOLINGS: Mapping[str, str] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Older files' keys, in the order in which several poolings stand side by side; the modes."""

_WEIGHTED = "pooling_mode_weightedmean_tokens"

ACTIVATIONS: Mapping[str, str] = {
    "torch.nn.modules.activation.Tanh": "Tanh",
    "torch.nn.modules.activation.ReLU": "ReLU",
    "torch.nn.modules.activation.Sigmoid": "Sigmoid",
    "torch.nn.modules.linear.Identity": "Identity",
}
"""A dense layer's ``activation_function`` -> the class of torch.nn."""


@dataclass(frozen=True)
class Pooling:
    """Token vectors to one: several modes give vectors that are joined."""

    modes: tuple[str, ...]


@dataclass(frozen=True)
class Dense:
    """A linear layer and its activation; ``folder`` holds its weights."""

    folder: str
    inputs: int
    outputs: int
    bias: bool
    activation: str


@dataclass(frozen=True)
class LayerNorm:
    """A layer normalisation; ``folder`` holds its weights."""

    folder: str
    size: int


@dataclass(frozen=True)
class Normalise:
    """A vector to one of length 1."""


Layer = Pooling | Dense | LayerNorm | Normalise


def read_pooling(values: Values, hidden: int) -> Pooling:
    """The pooling in the module's settings; what is not served is noted."""
    values.only({_WEIGHTED: (False,), "include_prompt": (True, False)})
    size = "embedding_dimension" if "embedding_dimension" in values.content else "word_" + _SIZE
    if values.whole(size, default=hidden) != hidden:
        values.refuse(size, f"{hidden}, the encoder's width")
    asked = values.content.get("pooling_mode")
    if asked is None:
        modes = tuple(mode for key, mode in POOLINGS.items() if values.content.get(key) is True)
        return Pooling(modes or ("mean",))
    named = asked if isinstance(asked, list) else [asked]
    if not named or any(mode not in POOLINGS.values() for mode in named):
        values.refuse("pooling_mode", f"some of {', '.join(POOLINGS.values())}")
        return Pooling(("mean",))
    return Pooling(tuple(named))


_SIZE = "embedding_dimension"


def _dense(values: Values, folder: str, width: int) -> Dense:
    values.only(
        {
            "activation_function": tuple(ACTIVATIONS),
            "module_input_name": ("sentence_embedding",),
            "module_output_name": ("sentence_embedding",),
            "use_residual": (False,),
            "bias": (True, False),
        }
    )
    if values.whole("in_features", least=1) != width:
        values.refuse("in_features", f"{width}, as the module before it gives")
    named = str(values.content.get("activation_function") or "torch.nn.modules.activation.Tanh")
    return Dense(
        folder,
        width,
        values.whole("out_features", least=1),
        values.content.get("bias") is not False,
        ACTIVATIONS.get(named, "Tanh"),
    )


def _layer_norm(values: Values, folder: str, width: int) -> LayerNorm:
    if values.whole("dimension", least=1) != width:
        values.refuse("dimension", f"{width}, as the module before it gives")
    return LayerNorm(folder, width)


_WITH_WEIGHTS: Mapping[str, Callable[[Values, str, int], Dense | LayerNorm]] = {
    "Dense": _dense,
    "LayerNorm": _layer_norm,
}

KINDS = ("Pooling", *_WITH_WEIGHTS, "Normalize", "Dropout")
"""What may stand behind the encoder. A dropout does nothing when a model is used."""


def read_layer(
    kind: str, checkpoint: Path, folder: str, width: int, wrong: list[str]
) -> Layer | None:
    """A module behind the encoder; None for one that does nothing.

    Args:
        kind: one of :data:`KINDS`.
        checkpoint: the whole folder.
        folder: the module's in it.
        width: of the vectors that it gets.
        wrong: gets what is not served.

    Raises:
        SourceError: its settings cannot be read.
    """
    if kind == "Normalize":
        return Normalise()
    if kind == "Dropout":
        return None
    path = PurePosixPath(folder, "config.json")
    values = Values(str(path), read_settings(inside(checkpoint, str(path))), wrong)
    if kind == "Pooling":
        return read_pooling(values, width)
    if not inside(checkpoint, f"{folder}/{WEIGHTS}").is_file():
        wrong.append(f"{folder}: no weights (expected {WEIGHTS})")
    return _WITH_WEIGHTS[kind](values, folder, width)


WEIGHTS = "model.safetensors"
"""The file of a layer's weights in its folder."""
