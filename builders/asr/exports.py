"""Every file that is made from a checkpoint: what makes it, and what it is compared with."""

from __future__ import annotations

from builders.asr import vad
from builders.asr.ctc import acoustic, language_model, vocabulary
from builders.asr.ctc import parity as ctc_parity
from builders.asr.vad import parity as vad_parity
from builders.asr.whisper import export as whisper
from builders.asr.whisper import parity as whisper_parity
from builders.asr.whisper import tokens as whisper_tokens
from builders.asr.whisper.checkpoint import read_checkpoint
from builders.kit.family import Export
from builders.kit.onnx.torch import DEFAULT_OPSET

CTC = (
    Export(
        name="acoustic",
        source="parakeet",
        make=acoustic.acoustic,
        parity=ctc_parity.ACOUSTIC,
        int8=ctc_parity.ACOUSTIC_INT8,
        form=acoustic.form,
    ),
    Export(
        name="tokenizer.json",
        source="parakeet",
        make=vocabulary.tokenizer,
        form=vocabulary.tokenizer_form,
    ),
    Export(
        name="decoding.json",
        source="parakeet",
        make=vocabulary.decoding,
        form=vocabulary.decoding_form,
    ),
    Export(
        name="ngram.kenlm",
        source="language_model",
        make=language_model.model,
        form=language_model.form,
    ),
    Export(
        name="ngram_words.txt",
        source="language_model",
        make=language_model.words,
        form=language_model.form,
    ),
)

VAD = (
    Export(
        name="vad.onnx",
        source="vad",
        make=vad.whole,
        options={"opset": vad.OPSET},
        parity=vad_parity.WHOLE,
        form=vad.form,
    ),
    Export(
        name="vad_stream",
        source="vad",
        make=vad.stream,
        options={"opset": vad.OPSET},
        parity=vad_parity.STREAM,
        form=vad.form,
    ),
)

WHISPER = (
    Export(
        name="whisper",
        source="whisper",
        make=whisper.whisper,
        options={"opset": DEFAULT_OPSET},
        parity=whisper_parity.WHISPER,
        int8=whisper_parity.WHISPER_INT8,
        form=read_checkpoint,
    ),
    Export(
        name="whisper.json",
        source="whisper",
        make=whisper_tokens.settings,
        form=whisper_tokens.form,
    ),
)

EXPORTS = (*CTC, *VAD, *WHISPER)
