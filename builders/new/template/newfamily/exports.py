"""Every file that is made from the checkpoint, and what each model is compared with.

A checkpoint is a folder with ``config.json``, and with ``model.safetensors`` or ``model.onnx``.
Keep the half of this module that your checkpoints need.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto

from builders.kit import onnx
from builders.kit.export import Export, Parity
from builders.kit.onnx.session import make_session
from builders.kit.sources.error import read_settings
from repository.arrays import Arrays

from .stages.prepare import SIDE

OPSET = 20


def make_classifier(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """The network as ONNX, ``planes`` -> ``logits``, with a free batch axis."""
    source = checkpoint / "model.onnx"
    model = _imported(source) if source.is_file() else _exported(checkpoint)
    onnx.save(model, out)
    return {}


def make_labels(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """The labels as JSON."""
    out.write_text(json.dumps(labels_of(checkpoint)), "utf-8")
    return {}


def labels_of(checkpoint: Path) -> list[str]:
    """The labels of a checkpoint, in the order of its scores."""
    named = read_settings(checkpoint / "config.json")["id2label"]
    return [named[str(number)] for number in range(len(named))]


def _exported(checkpoint: Path) -> ModelProto:
    import torch

    from .network import load

    return onnx.export_torch(
        load(checkpoint, len(labels_of(checkpoint))),
        {"planes": torch.zeros(2, 3, SIDE, SIDE)},
        axes={"planes": {0: "batch"}},
        outputs=("logits",),
        opset=OPSET,
    )


def _imported(source: Path) -> ModelProto:
    model = onnx.load(source)
    # The first input and output get the names that the graph has for them.
    model, _ = onnx.normalise(
        model,
        newest_opset=OPSET,
        inputs={model.graph.input[0].name: "planes"},
        outputs={model.graph.output[0].name: "logits"},
        axes={"planes": {0: "batch"}, "logits": {0: "batch"}},
    )
    return model


def expected(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What the checkpoint itself computes: by torch, or by its own ONNX file."""
    source = checkpoint / "model.onnx"
    if source.is_file():
        session = make_session(source)
        (logits,) = session.run(None, {session.get_inputs()[0].name: inputs["planes"]})
        return {"logits": logits}
    import torch

    from .network import load

    network = load(checkpoint, len(labels_of(checkpoint)))
    with torch.no_grad():
        return {"logits": network(torch.from_numpy(inputs["planes"])).numpy()}


def examples() -> Sequence[Arrays]:
    """Images of noise: batches of two, and of sizes that the export never saw."""
    noise = np.random.default_rng(0)
    return [
        {"planes": noise.random((batch, 3, SIDE, SIDE)).astype(np.float32)} for batch in (2, 1, 7)
    ]


CLASSIFIER = Export(
    name="classifier",
    source="network",
    make=make_classifier,
    options={"opset": OPSET},
    parity=Parity(reference=expected, inputs=examples, absolute=1e-4, relative=1e-4),
)
LABELS = Export.file("labels.json", source="network", make=make_labels)
