"""Silero VAD to the two ONNX files that are served: for a whole sound, and for a stream of pieces.

Silero's sequence graph takes frames of 64 samples of context and 512 new ones. The framing moves
into the graph, so that a waveform goes in. For a whole sound the state starts at zero inside; for a
stream it goes in and comes out, with the context. Convolutions become matrix products, which take a
third of the time (:mod:`builders.asr.vad.silero`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from onnx import ModelProto, compose, parser

from builders.asr.vad import silero
from builders.kit import onnx as kit_onnx
from builders.kit.onnx.form import read_form
from builders.kit.sources.error import SourceError

OPSET = 16
"""Silero's own."""

FRAME = 512
"""New samples in a frame: 32 ms at 16 kHz."""

CONTEXT = 64
"""Samples of the frame before that a frame begins with."""

INPUTS = ["input", "h", "c"]
OUTPUTS = ["speech_probs", "hn", "cn"]

_HEAD = f'<ir_version: 8, opset_import: ["" : {OPSET}]>'

_WHOLE = (
    _HEAD
    + """
frame_whole (float[samples] waveform) => (float[frames, 576] framed, float[1, 1, 128] h0,
                                          float[1, 1, 128] c0)
<int64[1] size = {512}, int64[1] one = {1}, int64[1] zero = {0}, int64[1] less = {511},
 int64[2] grid = {-1, 512}, int64[1] keep = {448}, int64[1] end = {512}, int64[1] axis = {1},
 int64[1] last = {-1}, int64[3] state_shape = {1, 1, 128}, int64[2] start_shape = {1, 64}>
{
   length = Shape(waveform)
   raised = Add(length, less)
   wanted = Div(raised, size)
   count = Max(wanted, one)
   whole = Mul(count, size)
   short = Sub(whole, length)
   pads = Concat <axis: int = 0> (zero, short)
   padded = Pad(waveform, pads)
   chunks = Reshape(padded, grid)
   tails = Slice(chunks, keep, end, axis)
   before = Slice(tails, zero, last, zero)
   silence = ConstantOfShape(start_shape)
   context = Concat <axis: int = 0> (silence, before)
   framed = Concat <axis: int = 1> (context, chunks)
   h0 = ConstantOfShape(state_shape)
   c0 = ConstantOfShape(state_shape)
}
"""
)

_STREAM = (
    _HEAD
    + """
frame_stream (float[samples] waveform, float[64] context, float[2, 1, 128] state)
    => (float[frames, 576] framed, float[1, 1, 128] h0, float[1, 1, 128] c0, float[64] next_context)
<int64[1] one = {1}, int64[1] zero = {0}, int64[1] two = {2}, int64[2] grid = {-1, 512},
 int64[1] keep = {448}, int64[1] end = {512}, int64[1] axis = {1}, int64[1] last = {-1},
 int64[2] row = {1, 64}, int64[1] tail = {-64}, int64[1] far = {9223372036854775807}>
{
   chunks = Reshape(waveform, grid)
   tails = Slice(chunks, keep, end, axis)
   before = Slice(tails, zero, last, zero)
   first = Reshape(context, row)
   contexts = Concat <axis: int = 0> (first, before)
   framed = Concat <axis: int = 1> (contexts, chunks)
   h0 = Slice(state, zero, one, zero)
   c0 = Slice(state, one, two, zero)
   next_context = Slice(waveform, tail, far, zero)
}
"""
)

_STATE = (
    _HEAD
    + """
join_state (float[1, 1, 128] hn, float[1, 1, 128] cn) => (float[2, 1, 128] next_state)
{
   next_state = Concat <axis: int = 0> (hn, cn)
}
"""
)


def whole(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """``waveform`` FP32 [samples] -> ``speech`` FP32 [frames], a probability for each 512 samples.

    The last frame is filled with zeros; an empty sound has one frame of zeros.

    Args:
        checkpoint: Silero VAD's sequence graph for 16 kHz, ONNX.
        out: the file to write.

    Raises:
        SourceError: another graph.
    """
    framing = parser.parse_model(_WHOLE)
    model = _joined(framing, _silero(checkpoint))
    for name in ("hn", "cn"):
        _drop_output(model, name)
    return _write(model, out, {"speech": {0: "frames"}})


def stream(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """As :func:`whole`, for one piece of a stream after the other.

    ``waveform`` FP32 [512 n], ``context`` FP32 [64] and ``state`` FP32 [2, 1, 128], zeros at the
    start, -> ``speech`` FP32 [n], ``next_context``, ``next_state`` for the next piece.
    """
    model = _joined(parser.parse_model(_STREAM), _silero(checkpoint))
    model = compose.merge_models(
        model, parser.parse_model(_STATE), io_map=[("hn", "hn"), ("cn", "cn")]
    )
    return _write(model, out, {"speech": {0: "frames"}})


def form(checkpoint: Path) -> None:
    """Refuse what is not Silero VAD's sequence graph.

    Raises:
        SourceError: it is another graph, or none.
    """
    _check_ends(read_form(checkpoint), checkpoint)


def _check_ends(model: ModelProto, checkpoint: Path) -> None:
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    if inputs != INPUTS or outputs != OUTPUTS or kit_onnx.opset(model) != OPSET:
        raise SourceError(
            f"{checkpoint}: expected Silero VAD's sequence graph, with inputs {', '.join(INPUTS)}, "
            f"outputs {', '.join(OUTPUTS)} and opset {OPSET}, found {', '.join(inputs)}, "
            f"{', '.join(outputs)} and opset {kit_onnx.opset(model)}. "
            "Use silero_vad_16k_sequence.onnx of the package silero-vad."
        )


def _silero(checkpoint: Path) -> ModelProto:
    model = kit_onnx.load(checkpoint)
    _check_ends(model, checkpoint)
    model.ir_version = 8
    silero.as_products(model, INPUTS[0])
    return model


def _joined(framing: ModelProto, silero: ModelProto) -> ModelProto:
    model = compose.add_prefix(framing, "framing_", rename_inputs=False, rename_outputs=False)
    return compose.merge_models(
        model, silero, io_map=list(zip(("framed", "h0", "c0"), INPUTS, strict=True))
    )


def _drop_output(model: ModelProto, name: str) -> None:
    for value in list(model.graph.output):
        if value.name == name:
            model.graph.output.remove(value)


def _write(
    model: ModelProto, out: Path, axes: Mapping[str, Mapping[int, str]]
) -> Mapping[str, object]:
    model, done = kit_onnx.normalise(
        model,
        newest_opset=OPSET,
        inputs={},
        outputs={"speech_probs": "speech"},
        axes={"waveform": {0: "samples"}, **axes},
    )
    # onnxslim names what it infers of inner shapes by the order of a set, which no two processes
    # share: without these notes, which nothing reads, equal inputs give equal bytes.
    del model.graph.value_info[:]
    kit_onnx.save(model, out)
    return done.facts()
