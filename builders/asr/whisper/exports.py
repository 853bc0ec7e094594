"""The files that are made from a Whisper checkpoint."""

from __future__ import annotations

from builders.asr.whisper import export, parity, tokens
from builders.asr.whisper.checkpoint import read_checkpoint
from builders.kit.family import Export
from builders.kit.onnx.torch import DEFAULT_OPSET

WHISPER = Export(
    name="whisper",
    source="whisper",
    make=export.whisper,
    options={"opset": DEFAULT_OPSET},
    parity=parity.WHISPER,
    int8=parity.WHISPER_INT8,
    form=read_checkpoint,
)
SETTINGS = Export.file(
    "whisper.json",
    source="whisper",
    make=tokens.settings,
    form=tokens.form,
)
