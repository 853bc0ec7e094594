"""What the models around stages share: a stage's surroundings, and its answers as responses.

A copy lies in every stage's version folder. It runs inside Triton's interpreter: Python 3.10's
language, numpy 1.26 or 2.x.
"""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from client_text import CODED, failed, sentence, sentence_of, utf8


class StageAnswers:
    """Makes responses of what a stage gives, and of what it raises.

    Only these errors reach the client in their own words: a stage's ``InvalidArgument`` and
    ``Unavailable``, and what a called model answered. Any other error goes to the server's log, and
    the client reads one sentence.

    Args:
        args: those of the model's ``initialize``.

    Attributes:
        name: the model's.
        config: the model's, as JSON values.
        folder: the version folder.
        parameters: the config's, by name.
        caller: what runs the models that it calls; None if it declares none.
        refusals: errors of the request, told as INVALID_ARG.
        overloads: errors that are told as UNAVAILABLE.
    """

    def __init__(self, args: Mapping[str, str]) -> None:
        self.name = args["model_name"]
        self.config: dict[str, Any] = json.loads(args["model_config"])
        self.folder = Path(args["model_repository"]) / args["model_version"]
        self.parameters: dict[str, str] = {
            name: value["string_value"] for name, value in self.config.get("parameters", {}).items()
        }
        self._dtypes = {
            output["name"]: pb_utils.triton_string_to_numpy(output["data_type"])
            for output in self.config["output"]
        }
        self.refusals: tuple[type[Exception], ...] = (_own("invalid_argument", "InvalidArgument"),)
        self.overloads: tuple[type[Exception], ...] = (_own("unavailable", "Unavailable"),)
        self.caller: Any = None
        self._call_failures: tuple[type[Exception], ...] = ()
        if "calls" in self.parameters:
            calling = importlib.import_module("calling")
            self.caller = calling.Caller(self.name, self.parameters["calls"].split(","))
            self._call_failures = (calling.CallFailedError,)

    def response(self, outputs: Mapping[str, Any], wanted: Collection[str]) -> Any:
        """An ``InferenceResponse`` with the outputs that the request asks for.

        Raises:
            KeyError: the stage did not give one of them.
        """
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor(name, np.ascontiguousarray(outputs[name], dtype=dtype))
                for name, dtype in self._dtypes.items()
                if name in wanted
            ]
        )

    def refusal(self, problem: BaseException, *, coded: bool) -> Any:
        """An ``InferenceResponse`` that tells the client of an error.

        Args:
            problem: what was raised.
            coded: whether the code stands before the text, as :func:`is_coded` says.
        """
        code, text = self._told(problem)
        text = sentence(text)
        if coded:
            text = f"{code}: {text}"
        error = pb_utils.TritonError(text, getattr(pb_utils.TritonError, code))
        return pb_utils.InferenceResponse(error=error)

    def _told(self, problem: BaseException) -> tuple[str, str]:
        """The code and the sentence that the client gets."""
        if isinstance(problem, self.refusals):
            return "INVALID_ARG", sentence_of(problem) or failed(self.name)
        if isinstance(problem, self.overloads):
            return "UNAVAILABLE", sentence_of(problem) or failed(self.name)
        if isinstance(problem, self._call_failures):
            code = problem.code  # type: ignore[attr-defined]
            if code not in ("INVALID_ARG", "UNAVAILABLE"):
                pb_utils.Logger.log_error(f"{self.name}: {code}: {sentence_of(problem)}")
            return code, sentence_of(problem) or failed(self.name)
        if isinstance(problem, MemoryError):
            told = f"{self.name} ran out of memory on this request; send a smaller one"
            return "UNAVAILABLE", told
        log_error(self.name, "".join(traceback.format_exception(problem)))
        return "INTERNAL", failed(self.name)


def is_coded(request: Any) -> bool:
    """Whether a request asks that its error's code stands before the text."""
    try:
        return CODED in json.loads(request.parameters() or "{}")
    except ValueError:  # a client's parameters need not be valid UTF-8
        return False


def log_error(name: str, text: str) -> None:
    """Writes to the server's log, in a model's name."""
    pb_utils.Logger.log_error(utf8(f"{name}: {text}"))


def _own(module: str, name: str) -> type[Exception]:
    """A class of the kit's, as the stage's own package has it."""
    found: type[Exception] = getattr(importlib.import_module(f"stages.{module}"), name)
    return found
