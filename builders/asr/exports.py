"""Every file that is made from a checkpoint: what makes it, and what it is compared with."""

from __future__ import annotations

from builders.asr import vad
from builders.asr.ctc import acoustic, language_model, vocabulary
from builders.asr.ctc import parity as ctc_parity
from builders.asr.vad import parity as vad_parity
from builders.kit.family import Export

ACOUSTIC = Export(
    name="acoustic",
    source="parakeet",
    make=acoustic.acoustic,
    parity=ctc_parity.ACOUSTIC,
    int8=ctc_parity.ACOUSTIC_INT8,
    form=acoustic.form,
)
TOKENIZER = Export.file(
    "tokenizer.json",
    source="parakeet",
    make=vocabulary.tokenizer,
    form=vocabulary.tokenizer_form,
)
DECODING = Export.file(
    "decoding.json",
    source="parakeet",
    make=vocabulary.decoding,
    form=vocabulary.decoding_form,
)
NGRAM = Export.file(
    "ngram.kenlm",
    source="language_model",
    make=language_model.model,
    form=language_model.form,
)
NGRAM_WORDS = Export.file(
    "ngram_words.txt",
    source="language_model",
    make=language_model.words,
    form=language_model.form,
)

VAD = Export(
    name="vad.onnx",
    source="vad",
    make=vad.whole,
    options={"opset": vad.OPSET},
    parity=vad_parity.WHOLE,
    form=vad.form,
)
VAD_STREAM = Export(
    name="vad_stream",
    source="vad",
    make=vad.stream,
    options={"opset": vad.OPSET},
    parity=vad_parity.STREAM,
    form=vad.form,
)
