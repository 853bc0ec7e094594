"""A Whisper checkpoint to one ONNX file: windows of sound in, token ids out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from builders.asr.sound import RATE
from builders.asr.supported import WHISPER
from builders.asr.whisper.checkpoint import WhisperCheckpoint, read_checkpoint
from builders.asr.whisper.loop import joined
from builders.asr.whisper.modules import Listen, Say
from builders.kit import onnx as kit_onnx
from builders.kit.onnx.surgery import Attribute, make_node

STATE = ("token", "history", "done", "language", "lengths")
"""What one token leaves for the next beside keys and values."""

PUT_OUT = ("tokens", "log_probs", "attention")
"""What is gathered of every token."""


def whisper(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Writes the ONNX file: log-mel features, encoder, and greedy decoding in a ``Loop``.

    Inputs:
        ``windows`` FP32 [rows, length]: the samples of whole frames, ``hop * (frames - 1) + n_fft``
        of them, so a window has half a frame of the sound before and after it. Fewer frames than
        the encoder takes are followed by features of 0, as at the end of a recording. ``frames``
        INT32 [rows, 1]: how many frames count; those after are features of 0 too, so that windows
        of one length can be batched. ``loudest`` FP32 [rows, 1]: log10 of the highest mel energy in
        the whole recording, where it is more than a window holds; -100 otherwise. ``languages``
        INT32 [rows, 1]: the language's number, in the order of the language tokens; -1 means to
        detect it. ``tasks`` INT32 [rows, 1]: 0 transcribes, 1 translates to English. Both are
        without effect on an English-only checkpoint. ``time_stamps`` BOOL [rows, 1]: whether
        time-stamp tokens are wanted.

    Outputs:
        ``tokens`` INT32 [rows, tokens], behind the prompt, one more than the longest text; after
        a row's end, the padding token.
        ``lengths`` INT32 [rows, 1]: tokens before the end. ``log_probs`` FP32 [rows, tokens]: of
        each token among those that were allowed; 0 after the end. ``language`` INT32 [rows, 1].
        ``attention`` FP32 [rows, tokens, heads, positions]: where the decoder looked as it chose
        each token, in the checkpoint's alignment heads alone; 0 after the end. A position is two
        frames. If the checkpoint names no such heads, there is one 0 for each token.

    Args:
        checkpoint: a folder of WhisperForConditionalGeneration in Hugging Face format.
        out: the file to write; a folder with external data where it is larger than 2 GiB.

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not such a checkpoint.
        OnnxError: torch cannot export it.
    """
    settings, model = load_whisper(checkpoint)
    layers = model.config.decoder_layers
    cross = [f"cross_{index}" for index in range(2 * layers)]
    rows = 2
    start = {
        "windows": _windows(settings, rows, 50),
        "frames": torch.full((rows, 1), 50, dtype=torch.int32),
        "loudest": torch.full((rows, 1), -100.0),
        "languages": torch.tensor([[-1], [0]], dtype=torch.int32),
        "tasks": torch.zeros(rows, 1, dtype=torch.int32),
        "time_stamps": torch.tensor([[True], [False]]),
    }
    listen, say = Listen(settings, model).eval(), Say(settings, model).eval()
    by_row = {name: {0: "rows"} for name in start if name != "windows"}
    once = kit_onnx.export_torch(
        listen,
        start,
        axes={"windows": {0: "rows", 1: "length"}, **by_row},
        outputs=["prompt", "prompt_length", "limit", "steps", *cross],
    )
    with torch.no_grad():
        prompt, prompt_length, limit, _, *known = listen(**start)
    heads, size = known[0].shape[1], known[0].shape[3]
    inputs = {
        "position": torch.tensor([5]),
        "prompt": prompt,
        "prompt_length": prompt_length,
        "limit": limit,
        "time_stamps": start["time_stamps"],
        "token": prompt[:, 0],
        "history": torch.full((rows, 3), -1),
        "done": torch.zeros(rows, dtype=torch.bool),
        "language": torch.zeros(rows, dtype=torch.int64),
        "lengths": torch.zeros(rows, dtype=torch.int64),
        "caches": [torch.zeros(rows, heads, 5, size) for _ in cross],
        "cross": known,
    }
    given = ("prompt", "prompt_length", "limit", "time_stamps", "cross")
    axes = {name: {0: "rows"} for name in (*STATE, *given)}
    caches = [f"caches_{index}" for index in range(2 * layers)]
    each = kit_onnx.export_torch(
        say,
        inputs,
        axes={**axes, "caches": {0: "rows", 2: "past"}},
        outputs=["go_on", *(f"{name}_next" for name in (*STATE, *caches)), *PUT_OUT],
    )
    whole = joined(
        once,
        each,
        carried={name: f"{name}_next" for name in (*STATE, *caches)},
        first={
            "token": np.full(1, settings.generation.start, np.int64),
            "history": np.full((1, 3), -1, np.int64),
            "done": np.zeros(1, np.bool_),
            "language": np.zeros(1, np.int64),
            "lengths": np.zeros(1, np.int64),
            **{name: np.zeros((1, heads, 0, size), np.float32) for name in caches},
        },
    )
    _name_outputs(whole, settings.generation.padding)
    kit_onnx.save(whole, out)
    return {
        "architecture": type(model).__name__,
        "parameters": sum(each.numel() for each in model.parameters()),
        "mels": settings.mels,
        "languages": len(settings.generation.languages),
        "alignment_heads": len(settings.generation.alignment_heads),
        "seconds": settings.frames * settings.hop_length / RATE,
    }


def load_whisper(checkpoint: Path) -> tuple[WhisperCheckpoint, Any]:
    """A checkpoint's settings and its model.

    Raises:
        SourceError: not a Whisper that is served.
    """
    settings = read_checkpoint(checkpoint)
    return settings, kit_onnx.load_transformers(checkpoint, WHISPER.model_class)


def _windows(settings: WhisperCheckpoint, rows: int, frames: int) -> torch.Tensor:
    length = settings.hop_length * (frames - 1) + settings.n_fft
    return 0.1 * torch.sin(torch.arange(rows * length) / 7).reshape(rows, length)


def _name_outputs(model: ModelProto, padding: int) -> None:
    """Bring the loop's results into rows, each beginning behind its own prompt."""
    graph = model.graph

    def constant(name: str, value: npt.ArrayLike, dtype: type[np.generic] = np.int64) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(value, dtype), f"outputs/{name}"))
        return f"outputs/{name}"

    def node(kind: str, ins: list[str], out: str, **attributes: Attribute) -> str:
        graph.node.append(make_node(kind, ins, [out], f"{out}/{kind}", **attributes))
        return out

    one, none = constant("one", 1), constant("none", [0])
    steps = node("Shape", ["tokens_all"], "outputs/steps", start=0, end=1)
    count = node("Squeeze", [steps, none], "outputs/count")
    skipped = node("Sub", ["prompt_length", one], "outputs/skipped")
    longest = node("ReduceMax", ["lengths_last"], "outputs/longest", keepdims=0)
    width = node("Add", [longest, one], "outputs/width")
    places = node("Range", [constant("zero", 0), width, one], "outputs/places")
    # [rows, width]: the longest text and its end.
    wanted = node("Add", [places, skipped], "outputs/wanted")
    beyond = node("GreaterOrEqual", [wanted, count], "outputs/beyond")
    inside = node("Min", [wanted, node("Sub", [count, one], "outputs/last")], "outputs/inside")
    taken_at = node("Unsqueeze", [inside, constant("after", [2])], "outputs/taken_at")
    outputs = []
    for name, dtype, kind, filler, axes in (
        ("tokens", np.int32, TensorProto.INT32, padding, []),
        ("log_probs", np.float32, TensorProto.FLOAT, 0, []),
        ("attention", np.float32, TensorProto.FLOAT, 0, ["heads", "positions"]),
    ):
        further = list(range(2, 2 + len(axes)))
        rows = node("Transpose", [f"{name}_all"], f"{name}/rows", perm=[1, 0, *further])
        taken = node("GatherND", [rows, taken_at], f"{name}/taken", batch_dims=1)
        shut = node("Unsqueeze", [beyond, constant(f"{name}_axes", further)], f"{name}/beyond")
        node("Where", [shut, constant(f"{name}_filler", filler, dtype), taken], name)
        outputs.append(helper.make_tensor_value_info(name, kind, ["rows", "tokens", *axes]))
    column = constant("column", [1])
    for source, name in (("lengths", "lengths"), ("language", "language")):
        columns = node("Unsqueeze", [f"{source}_last", column], f"outputs/{name}")
        node("Cast", [columns], name, to=TensorProto.INT32)
        outputs.append(helper.make_tensor_value_info(name, TensorProto.INT32, ["rows", 1]))
    del graph.output[:]
    graph.output.extend(outputs[index] for index in (0, 3, 1, 4, 2))
