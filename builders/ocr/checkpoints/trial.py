"""A checkpoint's model run on a few images, to see what it gives."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import ModelProto

from builders.kit.onnx.session import make_trial_session, reason
from repository.onnx.content import OnnxError

PATIENCE = 60.0
"""Seconds that a run on noise may take; the largest of PP-OCR's models take one."""


class Trial:
    """A model that is run a few times, within bounds.

    Args:
        checkpoint: named in errors.
        model: with one input and one output.

    Raises:
        OnnxError: onnxruntime does not load it.
    """

    def __init__(self, checkpoint: Path, model: ModelProto) -> None:
        self.checkpoint, self.input = checkpoint, model.graph.input[0].name
        self.session = make_trial_session(model, checkpoint)

    def run(self, *planes: npt.NDArray[np.float32]) -> list[npt.NDArray[np.generic]]:
        """The output for each batch of planes.

        Raises:
            OnnxError: onnxruntime does not run it on them.
        """
        made = []
        for each in planes:
            try:
                made.append(self._run(each))
            except Exception as error:  # its exceptions have no common base but this
                batch, _, height, width = each.shape
                raise OnnxError(
                    f"{self.checkpoint}: expected a model that runs on {batch} images of "
                    f"{height}x{width} pixels, found: {reason(error)}. Check the source."
                ) from error
        return made

    def _run(self, planes: npt.NDArray[np.float32]) -> npt.NDArray[np.generic]:
        options = onnxruntime.RunOptions()
        # A stranger's file may loop without end.
        limit = threading.Timer(PATIENCE, setattr, (options, "terminate", True))
        limit.start()
        try:
            return np.asarray(self.session.run(None, {self.input: planes}, options)[0])
        finally:
            limit.cancel()
