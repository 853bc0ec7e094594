"""Every file that the local engine reads, as exports of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.exports import table
from builders.decoder.exports.graph import make_graph
from builders.decoder.exports.parity import examples, expected
from builders.decoder.exports.settings import SETTINGS, TEMPLATE, TOKENIZER
from builders.decoder.options import Weights
from builders.kit.export import Export, Parity
from builders.kit.sources.error import SourceError

GRAPH = "decoder"
"""The folder of the graph and its weights."""

TOLERANCE: Mapping[Weights, float] = {"fp32": 1e-4, "int8": 0.2, "int4": 0.2}
"""The largest difference of logits and caches, as a share of their largest magnitude.

A graph in FP32 is 100 times nearer. One in fewer bits is compared with transformers that computes
with what these keep of its matrices. What is left then is that products take their inputs in 8
bits: 0.02 to 0.06 in decoders of 3 to 12 layers, 0.11 in one of 40. A wrong graph is 1 off. What
the matrices have lost, the metrics say.
"""

_IN_EXPERTS = ("gpt_oss",)
"""Decoders most of whose weights are in no matrix of a product."""


def exports(decoder: Decoder, weights: Weights) -> tuple[Export, ...]:
    """The files of a version folder, the graph first; the chat template only if there is one.

    Args:
        decoder: the checkpoint's.
        weights: what the graph's are kept as.

    Raises:
        SourceError: the checkpoint's cannot be kept so.
    """
    if weights != "fp32" and decoder.model_type in _IN_EXPERTS:
        raise SourceError(
            f"{decoder.path}: expected weights in matrices, to keep them as {weights}, found most "
            f"in the experts of a {decoder.language_model}, which stay in FP32. Leave the option "
            "weights out."
        )
    template = (TEMPLATE,) if decoder.template is not None else ()
    return (graph(decoder, weights), table.export(weights), SETTINGS, TOKENIZER, *template)


def graph(decoder: Decoder, weights: Weights) -> Export:
    """The decoder's graph with weights in a precision."""
    return Export(
        name=GRAPH,
        source="decoder",
        make=partial(make_graph, weights),
        options={"weights": weights},
        parity=Parity(
            following=partial(expected, weights),
            inputs=partial(examples, decoder),
            absolute={},
            relative=TOLERANCE[weights],
        ),
        form=read_decoder,
    )


def make_decoder(checkpoint: Path, out: Path, weights: Weights = "fp32") -> Sequence[Path]:
    """Write all files of a version folder, without a build.

    Args:
        checkpoint: a decoder's folder.
        out: a folder; made if it is not there.
        weights: as in :func:`exports`.

    Returns:
        The files and the folder of the graph.

    Raises:
        SourceError: not a checkpoint that is carried, or as :func:`exports`.
    """
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for export in exports(read_decoder(checkpoint), weights):
        export.make(checkpoint, out / export.name)
        made.append(out / export.name)
    return made
