"""A graph of onnxruntime-genai's builder, with what transformers says of a decoder's layers.

See :mod:`builders.decoder.exports.neutral`. All is read from transformers' own config, or computed
by its own modules, so that there is one truth.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from builders.decoder.checkpoint.decoder import Decoder
from builders.kit import onnx
from builders.kit.sources.error import SourceError
from repository.arrays import Array

_LAYER = re.compile(r"/model/layers\.(\d+)/attn/GroupQueryAttention")

_COS, _SIN = 7, 8
"""Where GroupQueryAttention takes the tables of positions."""

_ONE_KIND = ("mistral", "phi3")
"""Decoders with a window in all layers or in none."""

_MULTIPLIED = ("granite", "granitemoehybrid")
"""Decoders that multiply embeddings before the first layer, an image's too."""

_CENTRED = {
    "SimplifiedLayerNormalization": "LayerNormalization",
    "SkipSimplifiedLayerNormalization": "SkipLayerNormalization",
}
"""Norms that take the mean away, in place of those that do not. Inputs and outputs are the same."""


@dataclass(frozen=True)
class Layer:
    """What transformers says of a layer's attention.

    Attributes:
        window: the tokens that one sees, itself among them; None for all before it.
        turned: whether positions turn its heads.
        kind: as "full_attention"; layers of one kind have one table of positions.
    """

    window: int | None
    turned: bool
    kind: str


def layers_of(config: Any) -> Sequence[Layer]:
    """What transformers' config of a decoder says of each layer."""
    count, full = config.num_hidden_layers, "full_attention"
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None)
    if config.model_type in _ONE_KIND:
        kinds = ["sliding_attention" if window else full] * count
    turned = config.no_rope_layers if config.model_type == "smollm3" else [1] * count
    return [
        Layer(window if kind == "sliding_attention" else None, bool(turns), kind)
        for kind, turns in zip(kinds or [full] * count, turned, strict=True)
    ]


def correct(model: ModelProto, decoder: Decoder, alone: Path) -> None:
    """Put in what the builder was not shown.

    Args:
        model: the builder's; changed in place.
        decoder: the checkpoint's.
        alone: a folder of the decoder alone, with its own config.json.

    Raises:
        SourceError: positions turn another part of a head than the builder takes.
    """
    with onnx.transformers_alone() as transformers:
        config = transformers.AutoConfig.from_pretrained(
            alone, local_files_only=True, trust_remote_code=False
        )
        rotary = _Rotary(transformers, config, decoder)
    layers = layers_of(config)
    width = _drop_tables(model)
    made: dict[str, tuple[str, str]] = {}
    for number, node in _attentions(model):
        layer = layers[number]
        _set(node, "local_window_size", layer.window or -1)
        if not layer.turned:
            _set(node, "do_rotary", 0)
            node.input[_COS] = node.input[_SIN] = ""
            continue
        if layer.kind not in made:
            made[layer.kind] = (f"cos.{layer.kind}", f"sin.{layer.kind}")
            for name, table in zip(made[layer.kind], rotary.tables(layer.kind, width), strict=True):
                model.graph.initializer.append(numpy_helper.from_array(table, name))
        node.input[_COS], node.input[_SIN] = made[layer.kind]
    if config.model_type == "olmo":
        for node in model.graph.node:
            node.op_type = _CENTRED.get(node.op_type, node.op_type)
    if config.model_type in _MULTIPLIED:
        _multiply(model, config.embedding_multiplier)


def _attentions(model: ModelProto) -> Iterator[tuple[int, NodeProto]]:
    for node in model.graph.node:
        if node.op_type == "GroupQueryAttention":
            found = _LAYER.fullmatch(node.name)
            assert found, node.name
            yield int(found[1]), node


def _set(node: NodeProto, name: str, value: int) -> None:
    for attribute in node.attribute:
        if attribute.name == name:
            node.attribute.remove(attribute)
            break
    node.attribute.append(helper.make_attribute(name, value))


def _drop_tables(model: ModelProto) -> int:
    """Take out the builder's tables of positions; how wide they were."""
    named = {node.input[place] for _, node in _attentions(model) for place in (_COS, _SIN)}
    kept = [each for each in model.graph.initializer if each.name not in named]
    (width,) = {each.dims[1] for each in model.graph.initializer if each.name in named}
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return int(width)


class _Rotary:
    """transformers' own module of a decoder's positions.

    Raises:
        SourceError: it has another number of such modules than one.
    """

    def __init__(self, transformers: Any, config: Any, decoder: Decoder) -> None:
        import torch

        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(config)
        kinds = {type(each) for each in model.modules()}
        found = [each for each in kinds if each.__name__.endswith("RotaryEmbedding")]
        if len(found) != 1:
            raise _other(decoder, f"{len(found)} modules that do")
        self._own = found[0](config=config)
        self._by_kind = "layer_type" in inspect.signature(self._own.forward).parameters
        self._decoder = decoder

    def tables(self, kind: str, width: int) -> tuple[Array, Array]:
        """Cosines and sines of all positions, FP32 [context, width] each.

        Args:
            kind: of layers, as "full_attention".
            width: half the numbers of a head that are turned.

        Raises:
            SourceError: it turns another number of them.
        """
        import torch

        places = torch.arange(self._decoder.context)[None]
        with torch.no_grad():
            both = self._own(
                torch.zeros(1), places, **({"layer_type": kind} if self._by_kind else {})
            )
        if any(each.shape[-1] not in (width, 2 * width) for each in both):
            raise _other(self._decoder, f"a table {both[0].shape[-1]} wide")
        cos, sin = (each[0, :, :width].contiguous().numpy() for each in both)
        return cos, sin


def _other(decoder: Decoder, found: str) -> SourceError:
    return SourceError(
        f"{decoder.path}: expected positions that turn heads as a {decoder.language_model}'s do, "
        f"found {found}. Name another checkpoint."
    )


def _multiply(model: ModelProto, multiplier: float) -> None:
    """Multiply embeddings before the first layer."""
    made, by = "inputs_embeds/multiplied", "embedding_multiplier"
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == "inputs_embeds":
                node.input[place] = made
    model.graph.initializer.append(numpy_helper.from_array(np.array(multiplier, np.float32), by))
    model.graph.node.insert(0, helper.make_node("Mul", ["inputs_embeds", by], [made], made))
