"""A small repository of Python models, and an ensemble over them, for tests of the gateways."""

from __future__ import annotations

from pathlib import Path

import pytest

SPLIT = """
import os
import time

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        tensors = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        words = tensors["sentence"][0].split(b" ")
        if words[0] == b"slow":
            time.sleep(float(words[1]))
        while words[0] == b"held" and os.path.exists(words[1]):
            time.sleep(0.02)
        if words[0] == b"busy":
            error = pb_utils.TritonError("come back later", pb_utils.TritonError.UNAVAILABLE)
            return pb_utils.InferenceResponse(error=error)
        limit = int(tensors["limit"][0]) if "limit" in tensors else len(words)
        if limit < 0:
            error = pb_utils.TritonError("limit is negative", pb_utils.TritonError.INVALID_ARG)
            return pb_utils.InferenceResponse(error=error)
        words = words[:limit]
        lengths = np.array([[len(word), word.count(b'a')] for word in words], np.float32)
        return pb_utils.InferenceResponse([
            pb_utils.Tensor("words", np.array(words, np.object_)),
            pb_utils.Tensor("lengths", lengths.reshape(-1, 2)),
        ])
"""

EACH = """
import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request.inputs()[0].as_numpy()) for request in requests]

    def answer(self, x):
        return pb_utils.InferenceResponse([pb_utils.Tensor("y", {expression})])
"""

DOUBLE = EACH.replace("{expression}", "x * 2")
UPPER = EACH.replace("{expression}", "np.array([each.upper() for each in x], np.object_)")
BROKEN = "raise RuntimeError('no such dictionary')"


def model(name: str, inputs: str, outputs: str) -> str:
    """The config of a Python model. Tensors are written ``name:TYPE:dims``, optional ones end
    with ``?``."""
    return (
        f'name: "{name}"\nbackend: "python"\nmax_batch_size: 0\n'
        f"{tensors('input', inputs)}{tensors('output', outputs)}"
        "instance_group { count: 2 kind: KIND_CPU }\n"
    )


def ensemble(name: str, inputs: str, outputs: str, *steps: str) -> str:
    """The config of an ensemble. A step is ``model a=tensor -> b=tensor c=tensor``."""
    text = f'name: "{name}"\nplatform: "ensemble"\nmax_batch_size: 0\n'
    text += tensors("input", inputs) + tensors("output", outputs) + "ensemble_scheduling {\n"
    for step in steps:
        called, _, rest = step.partition(" ")
        taken, _, given = rest.partition(" -> ")
        text += f'step {{ model_name: "{called}" model_version: -1\n'
        for field, pairs in (("input_map", taken), ("output_map", given)):
            for pair in pairs.split():
                key, _, value = pair.partition("=")
                text += f'{field} {{ key: "{key}" value: "{value}" }}\n'
        text += "}\n"
    return text + "}\n"


def tensors(field: str, words: str) -> str:
    text = ""
    for word in words.split():
        name, kind, dims = word.rstrip("?").split(":")
        optional = " optional: true" if word.endswith("?") else ""
        text += f'{field} {{ name: "{name}" data_type: TYPE_{kind} dims: [{dims}]{optional} }}\n'
    return text


TOY = ensemble(
    "toy",
    "sentence:STRING:1 limit:INT32:1?",
    "words:STRING:-1 shouted:STRING:-1 fourfold:FP32:-1,2",
    # Not in running order; 'upper' and the first 'double' need nothing of each other.
    "double x=twofold -> y=fourfold",
    "upper x=words -> y=shouted",
    "double x=lengths -> y=twofold",
    "split sentence=sentence limit=limit -> words=words lengths=lengths",
)


def write(folder: Path, models: dict[str, tuple[str, str]]) -> Path:
    """Writes a repository: model -> its config and its code, which an ensemble has not."""
    for name, (config, code) in models.items():
        version = folder / name / "1"
        version.mkdir(parents=True)
        (folder / name / "config.pbtxt").write_text(config)
        if code:
            (version / "model.py").write_text(code)
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``toy``, its models, and pipelines that cannot be served apart."""
    one = ensemble("one", "x:FP32:-1,2", "y:FP32:-1,2", "double x=x -> y=y")
    lame = ensemble("lame", "x:FP32:-1,2", "y:FP32:-1,2", "double x=x -> y=z", "broken x=z -> y=y")
    lost = ensemble("lost", "x:FP32:-1,2", "y:FP32:-1,2", "nowhere x=x -> y=y")
    stuck = ensemble("stuck", "x:FP32:-1,2", "y:FP32:-1,2", "double x=never -> y=y")
    streams = one.replace("one", "streams") + "model_transaction_policy { decoupled: true }\n"
    return write(
        tmp_path_factory.mktemp("services"),
        {
            "split": (
                model(
                    "split",
                    "sentence:STRING:1 limit:INT32:1?",
                    "words:STRING:-1 lengths:FP32:-1,2",
                ),
                SPLIT,
            ),
            "double": (model("double", "x:FP32:-1,2", "y:FP32:-1,2"), DOUBLE),
            "upper": (model("upper", "x:STRING:-1", "y:STRING:-1"), UPPER),
            "broken": (model("broken", "x:FP32:-1,2", "y:FP32:-1,2"), BROKEN),
            "toy": (TOY, ""),
            "one": (one, ""),
            "lame": (lame, ""),
            "lost": (lost, ""),
            "stuck": (stuck, ""),
            "streams": (streams, ""),
            "torn": ('name: "torn"\nplatform: \'ensemble\n', ""),
        },
    )
