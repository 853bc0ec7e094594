"""The Python-backend model around a stage; copied into version folders as ``model.py``.

It runs inside Triton's interpreter: Python 3.10's language, numpy 1.26 or 2.x.
"""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from client_text import CODED, failed, sentence, sentence_of, utf8


class TritonPythonModel:
    """Calls the stage that the config's parameter ``stage`` names, once a request.

    A bad request gets its own error response, and the others of the batch their answers. Only two
    kinds of errors reach the client in their own words: a stage's ``InvalidArgument``, and what a
    called model answered. Any other error goes to the server's log, and the client reads one
    sentence.
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the stage: see :class:`builders.kit.graph.PythonModel`."""
        config = json.loads(args["model_config"])
        folder = Path(args["model_repository"]) / args["model_version"]
        parameters = {
            name: value["string_value"] for name, value in config.get("parameters", {}).items()
        }
        self.name = args["model_name"]
        self.dtypes = {
            output["name"]: pb_utils.triton_string_to_numpy(output["data_type"])
            for output in config["output"]
        }
        given: list[Any] = []
        refusal = importlib.import_module("stages.invalid_argument").InvalidArgument
        self.refusals: tuple[type[Exception], ...] = (refusal,)
        self.overloads: tuple[type[Exception], ...] = ()
        self.call_failures: tuple[type[Exception], ...] = ()
        self.pool = None
        if "calls" in parameters:
            calling = importlib.import_module("calling")
            given.append(calling.Caller(self.name, parameters["calls"].split(",")))
            self.call_failures = (calling.CallFailedError,)
            # While one request waits for what it called, others of the batch can go on.
            self.pool = ThreadPoolExecutor(max(1, int(config["max_batch_size"])))
        self.sequences = None
        if "sequence_batching" in config:
            batching = config["sequence_batching"]
            state = importlib.import_module("sequence_state")
            self.refusals += (state.UnknownSequenceError,)
            self.overloads = (state.SequencesFullError,)
            self.sequences = state.Sequences(
                int(parameters.get(state.MOST) or batching["oldest"]["max_candidate_sequences"]),
                2e-6 * int(batching["max_sequence_idle_microseconds"]),
            )
        self.watch = importlib.import_module("abandoned").Watch()
        stage = importlib.import_module("stages." + parameters["stage"])
        self.run = stage.prepare(folder, parameters, *given)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One response for each request."""
        with self.watch.request():
            if self.pool is None or len(requests) == 1:
                return [self._respond(request) for request in requests]
            return list(self.pool.map(self._respond, requests))

    def _respond(self, request: Any) -> Any:
        try:
            inputs = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
            outputs = self._run(request, inputs)
            wanted = set(request.requested_output_names())
            return pb_utils.InferenceResponse(
                [
                    pb_utils.Tensor(name, np.ascontiguousarray(outputs[name], dtype=dtype))
                    for name, dtype in self.dtypes.items()
                    if name in wanted
                ]
            )
        except BaseException as problem:  # a library's SystemExit is no reason to end the stub
            return _refuse(request, *self._told(problem))

    def _told(self, problem: BaseException) -> tuple[str, str]:
        """The code and the sentence that the client gets."""
        if isinstance(problem, self.refusals):
            return "INVALID_ARG", sentence_of(problem) or failed(self.name)
        if isinstance(problem, self.overloads):
            return "UNAVAILABLE", sentence_of(problem)
        if isinstance(problem, self.call_failures):
            code = problem.code  # type: ignore[attr-defined]
            if code not in ("INVALID_ARG", "UNAVAILABLE"):
                pb_utils.Logger.log_error(f"{self.name}: {code}: {sentence_of(problem)}")
            return code, sentence_of(problem) or failed(self.name)
        if isinstance(problem, MemoryError):
            told = f"{self.name} ran out of memory on this request; send a smaller one"
            return "UNAVAILABLE", told
        pb_utils.Logger.log_error(utf8(f"{self.name}: {traceback.format_exc()}"))
        return "INTERNAL", failed(self.name)

    def _run(self, request: Any, inputs: dict[str, Any]) -> Any:
        if self.sequences is None:
            return self.run(inputs)
        start, end = (bool(inputs.pop(name).reshape(-1)[0]) for name in ("START", "END"))
        with self.sequences.request(
            inputs, start=start, end=end, correlation=request.correlation_id()
        ) as told:
            return self.run(told)


def _refuse(request: Any, code: str, text: str) -> Any:
    text = sentence(text)
    if _coded(request):
        text = f"{code}: {text}"
    error = pb_utils.TritonError(text, getattr(pb_utils.TritonError, code))
    return pb_utils.InferenceResponse(error=error)


def _coded(request: Any) -> bool:
    try:
        return CODED in json.loads(request.parameters() or "{}")
    except ValueError:  # a client's parameters need not be valid UTF-8
        return False
