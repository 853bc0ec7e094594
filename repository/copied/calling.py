"""BLS calls from a Python-backend model; copied into version folders beside ``model.py``.

It runs inside Triton's interpreter: Python 3.10's language, numpy 1.26 or 2.x.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from client_text import CODED, CODES, failed, sentence, shows_inside

UNDER_WAY = 32
"""Calls of one ``call`` that are under way at once; further ones follow."""

_UNAVAILABLE = re.compile(
    r"Exceeds maximum queue size|Request timeout expired|not at ready state|"
    r"Request for unknown model|is not ready|unexpected control sequence"
)
"""What Triton says if a model is overloaded, or is not loaded at the moment."""


class CallFailedError(RuntimeError):
    """A called model answered with an error; uncaught, the caller's client gets it as it is.

    Attributes:
        code: the name of its ``TritonError`` code, one of :data:`client_text.CODES`.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Caller:
    """The function ``call`` that a stage is given: see :class:`builders.kit.graph.PythonModel`.

    Args:
        caller: the model that calls.
        names: the models that it may call.
    """

    def __init__(self, caller: str, names: Sequence[str]) -> None:
        self._caller = caller
        self._names = tuple(names)
        self._pool = ThreadPoolExecutor(UNDER_WAY, thread_name_prefix="call")

    def __call__(
        self, name: str, requests: Sequence[Mapping[str, np.ndarray]]
    ) -> list[dict[str, np.ndarray]]:
        """Runs a model on each of the requests, all of them under way at once.

        Raises:
            CallFailedError: it answers one of them with an error.
            KeyError: the caller does not declare that model.
        """
        if name not in self._names:
            raise KeyError(f"'{self._caller}' declares no call of '{name}'")
        if len(requests) == 1:
            return [self._run(name, requests[0])]
        return list(self._pool.map(lambda inputs: self._run(name, inputs), requests))

    def _run(self, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        # exec() may be called in any thread: async_exec() is just this in an executor.
        response = pb_utils.InferenceRequest(
            model_name=name,
            requested_output_names=[],
            parameters={CODED: True},
            inputs=[
                pb_utils.Tensor(key, np.ascontiguousarray(array)) for key, array in inputs.items()
            ],
        ).exec()
        if response.has_error():
            raise CallFailedError(*told(response.error(), name))
        # as_numpy() gives arrays that own their memory, and so outlive the response.
        return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}


def told(error: Any, model: str) -> tuple[str, str]:
    """The code of a call's error, by its name, and the sentence for the client.

    A text that names files, or is a traceback, is for the log: whoever wrote the called model, or
    the library in it, did not write it for this client.

    Args:
        error: the response's ``TritonError``.
        model: the model that was called.
    """
    codes = {getattr(pb_utils.TritonError, each): each for each in CODES}
    try:
        text = error.message()
    except UnicodeDecodeError:
        return codes.get(error.code(), "INTERNAL"), failed(f"'{model}'")
    name, mark, rest = text.partition(": ")
    if mark and name in CODES:
        code, text = name, rest
    elif _UNAVAILABLE.search(text):
        return "UNAVAILABLE", f"'{model}' is overloaded, or being loaded; try again later"
    else:
        code = codes.get(error.code(), "INTERNAL")
    if shows_inside(text):
        pb_utils.Logger.log_error(f"'{model}' answered with {code}: {text}")
        text = failed(f"'{model}'")
    return code, sentence(text)
