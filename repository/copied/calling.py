"""BLS calls from a Python-backend model; copied into version folders beside ``model.py``.

It runs inside Triton's interpreter: Python 3.10's language, numpy 1.26 or 2.x.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from client_text import CODED, CODES, failed, sentence, shows_inside, split_code

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

    Attributes:
        before: is run before each call.
    """

    def __init__(self, caller: str, names: Sequence[str]) -> None:
        self._caller = caller
        self._names = tuple(names)
        self.before: Callable[[], None] = lambda: None
        self._pool = ThreadPoolExecutor(UNDER_WAY, thread_name_prefix="call")

    def __call__(
        self, name: str, requests: Sequence[Mapping[str, np.ndarray]]
    ) -> list[dict[str, np.ndarray]]:
        """Runs a model on each of the requests, all of them under way at once.

        Raises:
            CallFailedError: it answers one of them with an error.
            KeyError: the caller does not declare that model.
        """
        self._refuse_others(name)
        if len(requests) == 1:
            return [self._run(name, requests[0])]
        return list(self._pool.map(lambda inputs: self._run(name, inputs), requests))

    def stream(
        self, name: str, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] = ()
    ) -> Iterator[dict[str, np.ndarray]]:
        """Runs a decoupled model on a request; its responses come as they are sent.

        An iterator that is closed before its end cancels the request.

        It is for servers from release 25.04 on. Older ones cannot cancel: the model works on, for
        nobody. And they lose an error that comes after a response: the iterator waits for ever.

        Args:
            name: the model.
            inputs: the request.
            outputs: those that are wanted; all if there are none.

        Raises:
            CallFailedError: it answers with an error.
            KeyError: the caller does not declare that model.
        """
        self._refuse_others(name)
        self.before()
        responses = _request(name, inputs, outputs).exec(decoupled=True)
        ended = False
        try:
            for response in responses:
                if found := _outputs(response, name):
                    yield found
            ended = True
        finally:
            if not ended and hasattr(responses, "cancel"):
                responses.cancel()

    def _refuse_others(self, name: str) -> None:
        if name not in self._names:
            raise KeyError(f"'{self._caller}' declares no call of '{name}'")

    def _run(self, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.before()
        # exec() may be called in any thread: async_exec() is just this in an executor.
        return _outputs(_request(name, inputs).exec(), name)


def _request(name: str, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] = ()) -> Any:
    return pb_utils.InferenceRequest(
        model_name=name,
        requested_output_names=list(outputs),
        parameters={CODED: True},
        inputs=[pb_utils.Tensor(key, np.ascontiguousarray(array)) for key, array in inputs.items()],
    )


def _outputs(response: Any, model: str) -> dict[str, np.ndarray]:
    """A response's outputs; empty of one that is the end alone."""
    if response.has_error():
        raise CallFailedError(*told(response.error(), model))
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
    code, text = split_code(text)
    if not code and _UNAVAILABLE.search(text):
        return "UNAVAILABLE", f"'{model}' is overloaded, or being loaded; try again later"
    code = code or codes.get(error.code(), "INTERNAL")
    if shows_inside(text):
        pb_utils.Logger.log_error(f"'{model}' answered with {code}: {text}")
        text = failed(f"'{model}'")
    return code, sentence(text)
