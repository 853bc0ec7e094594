"""A stand-in for the model that TensorRT-LLM's image has: it asks Triton for the same things.

It reads ``model.yaml`` from the model's folder, completes the config from it, answers in a thread
of its own, and streams if it is asked to.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from helpers import answer  # type: ignore[import-not-found]  # it lies beside this file


class TritonPythonModel:
    """Answers with the prompt, a number behind it."""

    @classmethod
    def auto_complete_config(cls, config: Any) -> Any:
        """Says what model.yaml says."""
        config.set_model_transaction_policy({"decoupled": _decoupled()})
        config.set_max_batch_size(0)
        return config

    def initialize(self, args: dict[str, str]) -> None:
        """Refuses a server that took something else from the config than model.yaml has."""
        assert '"parameters"' in args["model_config"]
        self.decoupled = _decoupled()

    def execute(self, requests: list[Any]) -> None:
        """Answers later."""
        for request in requests:
            threading.Thread(target=self._answer, args=(request,)).start()

    def _answer(self, request: Any) -> None:
        sender = request.get_response_sender()
        prompt = pb_utils.get_input_tensor_by_name(request, "text_input")
        assert prompt is not None
        text = prompt.as_numpy()[0].decode()
        count = _scalar(request, "sampling_param_max_tokens", 1)
        pieces = answer(text, count)
        if not _scalar(request, "streaming", False):
            pieces = ["".join(pieces)]
        for piece in pieces:
            tensor = pb_utils.Tensor("text_output", np.array([piece.encode()], np.object_))
            sender.send(pb_utils.InferenceResponse([tensor]))
        sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _scalar(request: Any, name: str, default: Any) -> Any:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return default if tensor is None else tensor.as_numpy().item()


def _decoupled() -> bool:
    text = Path(pb_utils.get_model_dir(), "model.yaml").read_text("utf-8")
    return "decoupled: true" in text
