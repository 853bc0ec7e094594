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


class TritonPythonModel:
    """Calls the stage that the config's parameter ``stage`` names, once a request.

    A bad request gets its own error response, and the others of the batch their answers. What the
    stage did not foresee goes to the server's log; the client reads one sentence.
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
        self.pool = None
        if "calls" in parameters:
            calling = importlib.import_module("calling")
            given.append(calling.Caller(self.name, parameters["calls"].split(",")))
            # While one request waits for what it called, others of the batch can go on.
            self.pool = ThreadPoolExecutor(max(1, int(config["max_batch_size"])))
        self.sequences = None
        if "sequence_batching" in config:
            batching = config["sequence_batching"]
            self.sequences = importlib.import_module("sequence_state").Sequences(
                int(batching["oldest"]["max_candidate_sequences"]),
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
        except ValueError as problem:
            return _refuse(request, "INVALID_ARG", str(problem))
        except MemoryError:
            sentence = f"{self.name} ran out of memory on this request; send a smaller one"
            return _refuse(request, "UNAVAILABLE", sentence)
        except Exception as problem:
            code = getattr(problem, "code", "")
            if code == "UNAVAILABLE":
                return _refuse(request, code, str(problem))
            pb_utils.Logger.log_error(f"{self.name}: {traceback.format_exc()}")
            if code:
                return _refuse(request, code, str(problem))
            sentence = f"{self.name} failed on this request; the server's log has the reason"
            return _refuse(request, "INTERNAL", sentence)

    def _run(self, request: Any, inputs: dict[str, Any]) -> Any:
        if self.sequences is None:
            return self.run(inputs)
        start, end = (bool(inputs.pop(name).reshape(-1)[0]) for name in ("START", "END"))
        with self.sequences.request(
            inputs, start=start, end=end, correlation=request.correlation_id()
        ) as told:
            return self.run(told)


CODED = "error_code_in_text"
"""The request parameter by which a BLS call asks for it: see :mod:`builders.kit.calling`."""


def _refuse(request: Any, code: str, sentence: str) -> Any:
    if CODED in json.loads(request.parameters() or "{}"):
        sentence = f"{code}: {sentence}"
    error = pb_utils.TritonError(sentence, getattr(pb_utils.TritonError, code))
    return pb_utils.InferenceResponse(error=error)
