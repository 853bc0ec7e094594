"""The two readers that are compared: the pipeline in process, and RapidOCR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perf.against.bench import THREADS
from repository.onnx.walk import tensors

Read = Callable[[bytes], Sequence[str]]
"""An encoded page -> its lines in reading order."""

ReadScored = Callable[[bytes], Sequence[tuple[str, float]]]
"""An encoded page -> its lines' texts and scores, with low scores too."""


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

    import rapidocr as package

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
            own = Path(package.__file__).parent / "models" / f"{name}.onnx"
            _flush(own, flushed / own.name)
            params[f"{part}.model_path"] = str(flushed / own.name)
    return package.RapidOCR(params=params)


def _flush(model: Path, out: Path) -> None:
    """Writes a model with each subnormal weight as zero: CPUs compute slowly with such numbers."""
    import onnx
    from onnx import numpy_helper

    loaded = onnx.load(model)
    for tensor in tensors(loaded):
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            subnormal = np.abs(values) < np.finfo(np.float32).tiny
            if subnormal.any():
                zeros = np.copysign(np.float32(0), values)
                flushed = np.where(subnormal, zeros, values)
                tensor.CopyFrom(numpy_helper.from_array(flushed, tensor.name))
    onnx.save(loaded, out)


def _in_process(repository: Path) -> Callable[[dict[str, np.ndarray]], Any]:
    from runtime.inprocess import InProcess

    loaded = InProcess(repository)
    return lambda inputs: loaded.run("ocr", inputs)


def _texts(answer: Any) -> list[str]:
    return [line.decode() for line in answer["text"].tolist()]
