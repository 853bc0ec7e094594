"""The two readers that are compared: the pipeline in process, and RapidOCR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perf.against.bench import THREADS

Read = Callable[[bytes], Sequence[str]]
"""An encoded page -> its lines in reading order."""

ReadScored = Callable[[bytes], Sequence[tuple[str, float]]]
"""An encoded page -> its lines' texts and scores, those of a low score too."""


def pipeline(repository: Path) -> Read:
    """Ours, in process."""
    run = _in_process(repository)
    return lambda image: _texts(run({"image": np.frombuffer(image, np.uint8)}))


def scoring_pipeline(repository: Path) -> ReadScored:
    """Ours, in process, with every line that it found."""
    run = _in_process(repository)
    everything = np.zeros(1, np.float32)

    def read(image: bytes) -> list[tuple[str, float]]:
        answer = run({"image": np.frombuffer(image, np.uint8), "minimum_score": everything})
        return list(zip(_texts(answer), answer["scores"].tolist(), strict=True))

    return read


def rapid() -> Read:
    """RapidOCR, as its package configures it, on two threads."""
    reader = rapidocr(None)
    return lambda image: reader(image).txts or ()


def rapidocr(flushed: Path | None) -> Any:
    """RapidOCR on two threads; with models flushed into a folder, if one is given."""
    import logging

    from rapidocr import RapidOCR

    from builders.kit import onnx as kit
    from builders.kit.sources import resolve

    logging.disable(logging.INFO)
    params: dict[str, object] = {
        "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
        "Global.log_level": "error",
    }
    if flushed is not None:
        for part, name in (
            ("Det", "PP-OCRv6_det_small"),
            ("Rec", "PP-OCRv6_rec_small"),
            ("Cls", "ch_ppocr_mobile_v2.0_cls_mobile"),
        ):
            model = kit.load(resolve(f"package:rapidocr/models/{name}.onnx").path)
            kit.flush_subnormals(model)
            kit.save(model, flushed / f"{name}.onnx")
            params[f"{part}.model_path"] = str(flushed / f"{name}.onnx")
    return RapidOCR(params=params)


def _in_process(repository: Path) -> Callable[[dict[str, np.ndarray]], Any]:
    from runtime.inprocess import InProcess

    loaded = InProcess(repository)
    return lambda inputs: loaded.run("ocr", inputs)


def _texts(answer: Any) -> list[str]:
    return [line.decode() for line in answer["text"].tolist()]
