"""Every file that is made from a checkpoint: what makes it, and what it is compared with."""

from __future__ import annotations

from builders.kit.family import Export
from builders.ocr import parity
from builders.ocr.checkpoints import export
from builders.ocr.checkpoints.detectors import open_classifier, open_detector
from builders.ocr.checkpoints.recogniser import open_recogniser

DETECTOR = Export(
    name="detector",
    source="detector",
    make=export.detector,
    options={"opset": export.NEWEST_OPSET},
    parity=parity.DETECTOR,
    form=open_detector,
)
CLASSIFIER = Export(
    name="classifier",
    source="classifier",
    make=export.classifier,
    options={"opset": export.NEWEST_OPSET},
    parity=parity.CLASSIFIER,
    form=open_classifier,
)
RECOGNISER = Export(
    name="recogniser",
    source="recogniser",
    make=export.recogniser,
    options={"opset": export.NEWEST_OPSET},
    parity=parity.RECOGNISER,
    form=open_recogniser,
)
CHARACTERS = Export.file("characters.json", source="recogniser", make=export.dictionary)
