"""Whisper's part of the graph."""

from __future__ import annotations

from builders.asr.whisper.exports import SETTINGS, WHISPER
from builders.kit.graph import (
    CALLED_BY_STAGES,
    LATER_STEP,
    DynamicBatching,
    InstanceGroup,
    OnnxModel,
    PythonModel,
    Tensor,
)
from repository.arrays import DType

_STAGES = "builders.asr.stages"

waveform = Tensor("waveform", DType.FP32, {"samples": -1})
speech = Tensor("speech", DType.FP32, {"frames": -1})
language = Tensor("language", DType.BYTES, {"one": 1}, optional=True)
task = Tensor("task", DType.BYTES, {"one": 1}, optional=True)

whisper = OnnxModel(
    name="whisper",
    inputs=(
        Tensor("windows", DType.FP32, {"batch": -1, "length": -1}),
        Tensor("frames", DType.INT32, {"batch": -1, "one": 1}),
        Tensor("loudest", DType.FP32, {"batch": -1, "one": 1}),
        Tensor("languages", DType.INT32, {"batch": -1, "one": 1}),
        Tensor("tasks", DType.INT32, {"batch": -1, "one": 1}),
        Tensor("time_stamps", DType.BOOL, {"batch": -1, "one": 1}),
    ),
    outputs=(
        Tensor("tokens", DType.INT32, {"batch": -1, "tokens": -1}),
        Tensor("lengths", DType.INT32, {"batch": -1, "one": 1}),
        Tensor("log_probs", DType.FP32, {"batch": -1, "tokens": -1}),
        Tensor("language", DType.INT32, {"batch": -1, "one": 1}),
        Tensor("attention", DType.FP32, {"batch": -1, "tokens": -1, "heads": -1, "positions": -1}),
    ),
    export=WHISPER,
    # A step of the decoder reads all of its weights, whether for one row or for eight.
    max_batch_size=8,
    batching=DynamicBatching(),
    queue=CALLED_BY_STAGES,
)
transcribe_long = PythonModel(
    name="transcribe_long",
    inputs=(waveform, speech, language, task),
    outputs=(
        Tensor("text", DType.BYTES, {"one": -1}),
        Tensor("segments", DType.FP32, {"segments": -1, "start_and_end": 2}),
        Tensor("segment_text", DType.BYTES, {"segments": -1}),
        Tensor("scores", DType.FP32, {"segments": -1}),
        Tensor("words", DType.BYTES, {"words": -1}),
        Tensor("word_times", DType.FP32, {"words": -1, "start_and_end": 2}),
        Tensor("word_scores", DType.FP32, {"words": -1}),
    ),
    stage=f"{_STAGES}.transcribe_long",
    exports=(SETTINGS,),
    instances=(InstanceGroup(count=4),),
    queue=LATER_STEP,
    calls=(whisper,),
)
