"""Speech recognition: sound in, time-stamped text out."""

from __future__ import annotations

from functools import partial

from builders.asr import metric
from builders.asr.exports import (
    ACOUSTIC,
    DECODING,
    NGRAM,
    NGRAM_WORDS,
    TOKENIZER,
    VAD,
    VAD_STREAM,
)
from builders.asr.supported import SUPPORTED, is_of
from builders.asr.vad import CONTEXT, FRAME
from builders.asr.whisper.models import language, task, transcribe_long
from builders.kit.family import Checkpoint, Family
from builders.kit.graph import (
    CALLED_BY_STAGES,
    LATER_STEP,
    ONE_THREAD,
    SIDE_BY_SIDE,
    Ensemble,
    InstanceGroup,
    OnnxModel,
    PythonModel,
    SequenceBatching,
    Tensor,
    Warmup,
    WarmupInput,
)
from builders.kit.graph.options import Number, Option, Whole
from builders.stages.models import decode_audio
from repository.arrays import DType

BUCKETS = 3
"""Calls of the acoustic model for a sound. An ensemble hands a step one tensor, so windows of
several lengths take several steps; two run side by side on two cores, a third pads less."""

_STAGES = "builders.asr.stages"

audio, samples, sample_rate = decode_audio.inputs
(waveform,) = decode_audio.outputs

speech = Tensor("speech", DType.FP32, {"frames": -1})
spans = Tensor("spans", DType.FP32, {"found": -1, "start_and_end": 2})
slots = Tensor("slots", DType.INT32, {"found": -1, "bucket_and_row": 2})

text = Tensor("text", DType.BYTES, {"texts": -1})
segments = Tensor("segments", DType.FP32, {"segments": -1, "start_and_end": 2})
segment_text = Tensor("segment_text", DType.BYTES, {"segments": -1})
scores = Tensor("scores", DType.FP32, {"segments": -1})
words = Tensor("words", DType.BYTES, {"words": -1})
word_times = Tensor("word_times", DType.FP32, {"words": -1, "start_and_end": 2})
word_scores = Tensor("word_scores", DType.FP32, {"words": -1})
beam = Tensor("beam", DType.INT32, {"one": 1}, optional=True)
word_list = Tensor("word_list", DType.BYTES, {"listed": -1}, optional=True)
READ = (segments, segment_text, scores, words, word_times, word_scores)

READING = {"beam": "1", "language_model_weight": "0.5", "word_score": "1.5"}
"""How text is read unless a request or the profile says otherwise: greedily, and with a language
model as NVIDIA's and Hugging Face's pipelines for CTC weight it (pyctcdecode's alpha and beta)."""

READING_OPTIONS: dict[str, Option] = {
    "beam": Whole(1, 64),
    "language_model_weight": Number(0, 10),
    "word_score": Number(-10, 10),
}
"""The bounds of those parameters; the widest beam is that of
:mod:`builders.asr.stages.reading.beam`."""

READER_FILES = (TOKENIZER, DECODING)
LANGUAGE_MODEL = (NGRAM, NGRAM_WORDS)


def windows(number: int) -> tuple[Tensor, Tensor]:
    """A bucket's windows and their lengths; its axes are its own."""
    rows = {f"rows{number}": -1}
    return (
        Tensor(f"windows_{number}", DType.FP32, {**rows, f"length{number}": -1}),
        Tensor(f"lengths_{number}", DType.INT32, rows),
    )


def answers(number: int) -> tuple[Tensor, Tensor]:
    """What the acoustic model says about a bucket."""
    rows = {f"rows{number}": -1}
    return (
        Tensor(f"log_probs_{number}", DType.FP32, {**rows, f"most{number}": -1, "vocabulary": -1}),
        Tensor(f"steps_{number}", DType.INT32, rows),
    )


find_speech = PythonModel(
    name="find_speech",
    inputs=(audio, samples, sample_rate),
    outputs=(*(each for k in range(BUCKETS) for each in windows(k)), spans, slots),
    # The first step, where requests wait: one instance for each of two cores.
    instances=(InstanceGroup(count=2),),
    stage=f"{_STAGES}.find_speech",
    exports=(VAD,),
    parameters={**decode_audio.parameters, "buckets": str(BUCKETS)},
    options={**decode_audio.options, "buckets": Whole(BUCKETS, BUCKETS)},
)
detect_speech = OnnxModel(
    name="detect_speech",
    inputs=(waveform,),
    outputs=(speech,),
    export=VAD,
    parameters=ONE_THREAD,
    instances=(InstanceGroup(count=2),),
)
transcribe = OnnxModel(
    name="transcribe",
    inputs=(
        Tensor("windows", DType.FP32, {"rows": -1, "length": -1}),
        Tensor("lengths", DType.INT32, {"rows": -1}),
    ),
    outputs=(
        Tensor("log_probs", DType.FP32, {"rows": -1, "most": -1, "vocabulary": -1}),
        Tensor("steps", DType.INT32, {"rows": -1}),
    ),
    export=ACOUSTIC,
    queue=SIDE_BY_SIDE,
    instances=(InstanceGroup(count=2),),
    parameters=ONE_THREAD,
)
join_segments = PythonModel(
    name="join_segments",
    inputs=(*(each for k in range(BUCKETS) for each in answers(k)), spans, slots, beam, word_list),
    outputs=(text, *READ),
    stage=f"{_STAGES}.join_segments",
    exports=READER_FILES,
    optional_exports=LANGUAGE_MODEL,
    parameters=READING,
    options=READING_OPTIONS,
    queue=LATER_STEP,
)

asr = Ensemble(
    name="asr",
    inputs=(audio, samples, sample_rate, beam, word_list),
    outputs=(text, *READ),
    steps=find_speech
    >> tuple(
        transcribe.step(
            inputs={name: f"{name}_{k}" for name in ("windows", "lengths")},
            outputs={name: f"{name}_{k}" for name in ("log_probs", "steps")},
        )
        for k in range(BUCKETS)
    )
    >> join_segments,
)

_CONTEXT = {"context": CONTEXT}
_STATE = {"h_and_c": 2, "one": 1, "units": 128}

detect_speech_stream = OnnxModel(
    name="detect_speech_stream",
    inputs=(
        Tensor("waveform", DType.FP32, {"samples": -1}),
        Tensor("context", DType.FP32, _CONTEXT),
        Tensor("state", DType.FP32, _STATE),
    ),
    outputs=(
        speech,
        Tensor("next_context", DType.FP32, _CONTEXT),
        Tensor("next_state", DType.FP32, _STATE),
    ),
    export=VAD_STREAM,
    parameters=ONE_THREAD,
    queue=CALLED_BY_STAGES,
    # A frame, since it takes whole ones only: probes of idle models send what warms them up.
    warmup=(
        Warmup(
            name="frame",
            inputs={
                "waveform": WarmupInput(shape=(FRAME,)),
                "context": WarmupInput(shape=(CONTEXT,)),
                "state": WarmupInput(shape=(2, 1, 128)),
            },
        ),
    ),
)
asr_stream = PythonModel(
    name="asr_stream",
    inputs=(
        Tensor("samples", DType.FP32, {"given": -1}),
        Tensor("sample_rate", DType.INT32, {"one": 1}, optional=True),
        beam,
        word_list,
    ),
    outputs=(
        *READ,
        Tensor("partial", DType.BYTES, {"partials": -1}),
        Tensor("partial_start", DType.FP32, {"partials": -1}),
    ),
    stage=f"{_STAGES}.stream",
    exports=READER_FILES,
    optional_exports=LANGUAGE_MODEL,
    # A stream that is spoken to keeps about 2 MB, and one instance hears some 30 at once.
    parameters={**READING, "maximum_sequences": "64"},
    options={**READING_OPTIONS, "maximum_sequences": Whole(1, 100_000)},
    calls=(detect_speech_stream, transcribe),
    sequences=SequenceBatching(),
)

asr_whisper = Ensemble(
    name="asr_whisper",
    inputs=(audio, samples, sample_rate, language, task),
    outputs=(text, *READ),
    steps=decode_audio >> detect_speech >> transcribe_long,
)

FAMILY = Family(
    name="asr",
    sources={
        "parakeet": "demo:parakeet",
        "vad": "package:silero_vad/data/silero_vad_16k_sequence.onnx",
        "language_model": None,
        "whisper": None,
    },
    pipelines=(asr, asr_stream, asr_whisper),
    metrics=(
        *metric.metrics("asr", clean=0.05, noisy=0.15),
        # Of a general recogniser, which writes letters and numbers otherwise: sense, not finesse.
        *metric.metrics("asr_whisper", clean=0.5, noisy=0.8, prefix="whisper_"),
    ),
    checkpoints=tuple(
        Checkpoint(
            component=each.component,
            words=f"{each.name} ({each.model_class})",
            is_one=partial(is_of, each),
        )
        for each in SUPPORTED
    ),
)
