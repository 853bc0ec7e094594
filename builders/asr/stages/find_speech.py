"""A sound to the windows of speech in it: decoding, voice activity detection and cutting in one.

``audio``, or ``samples`` and ``sample_rate``, as :mod:`builders.stages.decode_audio` takes them ->
``windows_0`` .., ``lengths_0`` .., ``spans``, ``slots`` as :mod:`cut_windows` gives them.

As three models, the waveform would be copied some ten times on its way through their processes, and
each hop waits for a process to wake, which shows in the latency of a small recogniser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from builders.stages import decode_audio

from .speech import cut_windows

DETECTOR = "vad.onnx"
"""Beside the stage: what :func:`builders.asr.vad.whole` wrote."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; its parameters are those of the stages that it joins."""
    decode = decode_audio.prepare(folder, parameters)
    cut = cut_windows.prepare(folder, parameters)
    options = onnxruntime.SessionOptions()
    # Its recurrent part is one step after the other, and instances run side by side.
    options.intra_op_num_threads = 1
    detector = onnxruntime.InferenceSession(
        str(folder / DETECTOR), options, providers=["CPUExecutionProvider"]
    )

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        heard = decode(inputs)
        (speech,) = detector.run(["speech"], heard)
        return cut({**heard, "speech": speech})

    return run
