"""A decoder's graph: embeddings, a mask and a cache in, logits and the longer cache out.

======================  =====  ========================================
``inputs_embeds``       FP32   [batch, new, hidden]
``attention_mask``      INT64  [batch, total]
``logits_at``           INT64  [places]
``past_key_values.N.…`` FP32   [batch, kv_heads, past, head_dim]
``logits``              FP32   [batch, places, vocab]
``present.N.…``         FP32   [batch, kv_heads, total, head_dim]
======================  =====  ========================================

The mask has a one for each token that a row has with its new ones, and zeros behind them. Several
rows may have new tokens of different number on an empty cache, and one new token each on a cache;
several on a cache one row only.

Logits are given at some of the new tokens: a prompt needs those behind its last token alone, and in
a small decoder they are a quarter of all work.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from onnx import ModelProto, NodeProto, TensorProto, helper

from builders.decoder.checkpoint.alone import save_alone
from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.exports import genai
from builders.decoder.exports.corrected import correct
from builders.decoder.exports.neutral import neutral
from builders.decoder.exports.quantised import quantised
from builders.decoder.options import Weights
from builders.kit import onnx

PLACES = "logits_at"
"""The input that says at which of the new tokens."""

_AXES = {
    "inputs_embeds": ("batch", "new", "hidden"),
    "attention_mask": ("batch", "total"),
    PLACES: ("places",),
    "past_key_values": ("batch", "kv_heads", "past", "head_dim"),
    "logits": ("batch", "places", "vocab"),
    "present": ("batch", "kv_heads", "total", "head_dim"),
}
"""The beginning of a tensor's name, up to a dot -> its axes."""


def make_graph(weights: Weights, checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the folder of a decoder's graph, with its weights beside it.

    Args:
        weights: what they are kept as.
        checkpoint: the decoder's folder.
        out: the folder.

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is carried.
    """
    decoder = read_decoder(checkpoint)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="decoder-") as scratch:
        alone, shown = (Path(scratch).absolute() / name for name in ("alone", "shown"))
        alone.mkdir()
        save_alone(decoder, alone)
        _show(decoder, alone, shown)
        made = genai.build(shown, alone.with_name("graph"), checkpoint)
        model = onnx.load(made, standard=False)
        correct(model, decoder, alone)
    _place_logits(model)
    _name_axes(model, decoder)
    onnx.flush_subnormals(model)
    if weights != "fp32":
        model = quantised(model, weights)
    onnx.save(model, out, external=True, standard=False)
    return {
        "architecture": decoder.architecture,
        "language_model": decoder.language_model,
        "layers": decoder.layers,
        "hidden": decoder.hidden,
        "vocab": decoder.vocab,
        "context": decoder.context,
        "precision": weights,
    }


def _show(decoder: Decoder, alone: Path, shown: Path) -> None:
    """Make a folder of the decoder as its builder is shown it."""
    shown.mkdir()
    for file in alone.iterdir():
        if file.name == "config.json":
            config = neutral(decoder, json.loads(file.read_text("utf-8")))
            (shown / file.name).write_text(json.dumps(config), "utf-8")
        else:
            (shown / file.name).symlink_to(file)


def _place_logits(model: ModelProto) -> None:
    """Compute logits at :data:`PLACES` alone."""
    made = {output: node for node in model.graph.node for output in node.output}
    head = made["logits"]
    while head.op_type != "MatMul":
        head = _before(head, made)
    chosen = f"{head.input[0]}/chosen"
    gather = helper.make_node("Gather", [head.input[0], PLACES], [chosen], PLACES, axis=1)
    head.input[0] = chosen
    at = next(at for at, node in enumerate(model.graph.node) if node.name == head.name)
    model.graph.node.insert(at, gather)
    model.graph.input.append(helper.make_tensor_value_info(PLACES, TensorProto.INT64, ["places"]))


def _before(node: NodeProto, made: Mapping[str, NodeProto]) -> NodeProto:
    """The node whose result one works on that changes each number by itself."""
    return next(
        made[each] for each in node.input if each in made and made[each].op_type != "Constant"
    )


def _name_axes(model: ModelProto, decoder: Decoder) -> None:
    """Sizes that are known, and names that say what the others are."""
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        axes = _AXES[value.name.partition(".")[0]]
        shape = value.type.tensor_type.shape
        del shape.dim[:]
        for axis in axes:
            size = getattr(decoder, axis, None)
            shape.dim.add(**({"dim_value": size} if size else {"dim_param": axis}))
