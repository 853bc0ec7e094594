"""Files to the pipelines: an answer that makes sense, or one sentence."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np

from tests.fuzz.case import Arrays, Case, Outcome, Part
from tests.fuzz.media import images, sounds
from tests.fuzz.target import Target, file

CORPUS = Path(__file__).parents[1] / "corpus"


def corpus(kind: str) -> dict[str, bytes]:
    """Files that were a problem once: name -> bytes."""
    folder = CORPUS / kind
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def insane(outputs: Arrays) -> str:
    """What in a pipeline's answer cannot be; "" if nothing."""
    for name, array in outputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f"{name} has NaN or infinity"
        if name in ("scores", "word_scores") and not ((array >= 0) & (array <= 1.001)).all():
            return f"{name} has {array.min()} to {array.max()}"
        if array.dtype == np.object_:
            try:
                [value.decode() for value in array.reshape(-1)]
            except UnicodeDecodeError:
                return f"{name} is no UTF-8"
    if {"text", "boxes", "scores"} <= outputs.keys() and not (
        len(outputs["text"]) == len(outputs["boxes"]) == len(outputs["scores"])
    ):
        return "text, boxes and scores are not of one length"
    if "words" in outputs and len(outputs["words"]) != len(outputs["word_times"]):
        return "words and word_times are not of one length"
    return ""


def asked(model: str, inputs: Arrays, over: str, what: str, content: bytes) -> Case:
    """The case of one request to a pipeline."""

    def send(target: Target) -> list[Outcome]:
        outcome, outputs = target.ask(model, inputs, over=over)
        outcome.wrong = outcome.wrong or insane(outputs)
        return [outcome]

    return Case(f"{what} to {model} over {over}", send, content)


def image(random: Random) -> Case:
    """A changed image, sometimes with options."""
    name, content = images.mutated(random, corpus("images"))
    model = random.choice(("ocr",) * 6 + ("ocr_bls", "decode_image"))
    inputs: dict[str, np.ndarray] = file("image", content)
    if model != "decode_image":
        if random.random() < 0.1:
            score = random.choice((0.0, 1.0, -1.0, np.nan, np.inf))
            inputs["minimum_score"] = np.array([score], np.float32)
        if random.random() < 0.1:
            side = random.choice((64, 63, 4096, 4097, 0, -1, 2**31 - 1))
            inputs["maximum_side"] = np.array([side], np.int32)
        if random.random() < 0.1:
            inputs["orientation"] = np.array([random.random() < 0.5])
    return asked(model, inputs, random.choice(("grpc", "http")), name, content)


def sound(random: Random) -> Case:
    """A changed sound, sometimes with options."""
    name, content = sounds.mutated(random, corpus("sounds"))
    inputs: dict[str, np.ndarray] = file("audio", content)
    if random.random() < 0.1:
        inputs["beam"] = np.array([random.choice((0, 1, 2, 64, 65, -1))], np.int32)
    if random.random() < 0.1:
        words = random.choice(([b"light"], [b""], [b"\xff"], [b"a b"], [b"Z" * 200], []))
        inputs["word_list"] = np.array(words, np.object_)
    model = random.choice(("asr",) * 6 + ("asr_bls", "find_speech"))
    if model == "find_speech":
        inputs = file("audio", content)
    return asked(model, inputs, random.choice(("grpc", "http")), name, content)


IMAGES = Part("images", 2000, image)
SOUNDS = Part("sounds", 1000, sound)
