"""The local engine: the checkpoint as an ONNX graph, run by a scheduler in a Python model."""

from __future__ import annotations

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.engines.contract import NAME, OUTPUTS, inputs
from builders.decoder.exports.exports import exports
from builders.decoder.options import DecoderOptions
from builders.kit.graph import Asked, PythonModel, QueuePolicy, Tensor
from builders.kit.graph.options import Text, Whole
from repository.arrays import DType
from repository.release import Release

LONGEST = 4096
"""Tokens of a slot if a profile says nothing: a checkpoint's own number may take all memory."""

FILE = Tensor("image", DType.UINT8, {"byte": -1})
"""What the eye is sent."""

IN_THE_ENGINE = QueuePolicy(max_size=0)
"""Requests wait in the engine, which bounds them itself."""

OLD_PYTHON = "3.10"
"""Where stages have onnxruntime 1.23 (runtime/requirements.txt). There, a window of so many tokens
shows one more; from 1.24 on it is as transformers has it."""


def most_tokens(decoder: Decoder, release: Release) -> tuple[int, str]:
    """The most tokens of a slot, and why, after "which".

    Args:
        decoder: the checkpoint's.
        release: the Triton that runs it.
    """
    window = decoder.window
    if release.python == OLD_PYTHON and window is not None and window < decoder.context:
        return window, (
            f"all its layers see: in Triton {release.name}, onnxruntime 1.23 gets longer texts of "
            "decoders with a sliding window wrong"
        )
    return decoder.context, "the checkpoint was made for"


def context_of(options: DecoderOptions, most: int) -> int:
    """Tokens of a slot.

    Args:
        options: what the profile says.
        most: the most that it may be.
    """
    return options.context or min(most, LONGEST)


def pipeline(decoder: Decoder, options: DecoderOptions, most: int) -> PythonModel:
    """The pipeline ``generate``.

    Args:
        decoder: the checkpoint's.
        options: what the profile says.
        most: the most tokens of a slot.
    """
    context = context_of(options, most)
    settings = {
        "context": (context, Whole(min(context, 16), most)),
        "slots": (options.slots, Whole(1, 256)),
        "waiting": (options.waiting, Whole(0, 1 << 16)),
        "max_tokens": (options.max_tokens, Whole(1, 1 << 20)),
        "threads": (options.threads, Whole(0, 1024)),
    }
    eye = {"eye": options.eye} if options.eye else {}
    rows = Tensor("image_embeds", DType.FP32, {"rows": -1, "hidden": decoder.hidden})
    return PythonModel(
        name=NAME,
        inputs=inputs(decoder.hidden),
        outputs=OUTPUTS,
        streamed=True,
        asks=tuple(Asked(name, takes=(FILE,), gives=(rows,)) for name in eye.values()),
        queue=IN_THE_ENGINE,
        stage="builders.decoder.stages.generate",
        exports=exports(decoder, options.weights),
        parameters={name: str(value) for name, (value, _) in settings.items()} | eye,
        options={name: option for name, (_, option) in settings.items()}
        | {name: Text() for name in eye},
    )
