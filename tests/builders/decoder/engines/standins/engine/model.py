"""A stand-in for TensorRT-LLM's C++ backend: its tensors, and an answer that is written beside it.

``answer.json`` has the tokens, the seconds before each, and the name of a file that it waits for
before the first. What it was asked goes to ``asked.npz``.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

FOLDER = Path(__file__).parent


class TritonPythonModel:
    """Streams the answer, cut to the tokens that were asked for."""

    def execute(self, requests: list[Any]) -> None:
        """Answers later."""
        for request in requests:
            asked = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
            wanted = set(request.requested_output_names())
            sender = request.get_response_sender()
            threading.Thread(target=self._answer, args=(asked, wanted, sender)).start()

    def _answer(self, asked: dict[str, Any], wanted: set[str], sender: Any) -> None:
        final = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
        told = json.loads((FOLDER / "answer.json").read_text())
        part = FOLDER / f"{threading.get_ident()}.part"
        with part.open("wb") as file:
            np.savez(file, **asked)
        part.rename(FOLDER / "asked.npz")
        if problem := told.get("error"):
            error = pb_utils.TritonError(problem)
            sender.send(pb_utils.InferenceResponse(error=error), flags=final)
            return
        while told.get("until") and not (FOLDER / told["until"]).exists():
            time.sleep(0.01)
        most = int(asked["request_output_len"].reshape(-1)[0])
        for token in told["tokens"][:most]:
            time.sleep(told.get("seconds", 0))
            if token == asked["end_id"].reshape(-1)[0] and told.get("silent"):
                break
            found = {
                "output_ids": np.array([[[token, -1]]], np.int32),
                "sequence_length": np.array([[1]], np.int32),
            }
            tensors = [pb_utils.Tensor(name, each) for name, each in found.items()]
            assert wanted == found.keys()
            sender.send(pb_utils.InferenceResponse(tensors))
        sender.send(flags=final)
