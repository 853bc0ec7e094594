"""The Python-backend model around a stage; copied into version folders as ``model.py``.

It runs inside Triton's interpreter: Python 3.10's language, numpy 1.26 or 2.x.
"""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Sequence
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
        stage = importlib.import_module("stages." + parameters["stage"])
        self.run = stage.prepare(folder, parameters)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One response for each request."""
        return [self._respond(request) for request in requests]

    def _respond(self, request: Any) -> Any:
        try:
            outputs = self.run({tensor.name(): tensor.as_numpy() for tensor in request.inputs()})
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
        except Exception:
            pb_utils.Logger.log_error(f"{self.name}: {traceback.format_exc()}")
            sentence = f"{self.name} failed on this request; the server's log has the reason"
            return _refuse(request, "INTERNAL", sentence)


CODED = "error_code_in_text"
"""The request parameter by which a BLS model asks for it: see :mod:`builders.kit.bls_model`."""


def _refuse(request: Any, code: str, sentence: str) -> Any:
    if CODED in json.loads(request.parameters() or "{}"):
        sentence = f"{code}: {sentence}"
    error = pb_utils.TritonError(sentence, getattr(pb_utils.TritonError, code))
    return pb_utils.InferenceResponse(error=error)
