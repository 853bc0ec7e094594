"""A Python-based Triton backend that stands in for the C++ onnxruntime backend.

Triton serves with it every model whose config says ``backend: "onnxruntime"``, where this folder
lies in the backend directory under that name. It refuses at load what the C++ backend refuses
(:mod:`.rules`), so that a repository that loads here loads there.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils


def _load_package(name: str) -> None:
    """Makes this folder's modules importable as a package of that name.

    Triton imports this file as a top level module, with its folder at the end of ``sys.path``,
    where a sibling's plain name would lose against any installed module that bears it.
    """
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)


_load_package("onnxruntime_backend")

from onnxruntime_backend import (  # noqa: E402 -- needs the package
    abandoned,
    batch,
    failures,
    session,
)


class TritonPythonModel:
    """One instance of a model."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the model.

        Raises:
            TritonModelException: the text says all that is wrong with the model.
        """
        self._watch = abandoned.Watch()
        config = json.loads(args["model_config"])
        self._name = args["model_name"]
        folder = Path(args["model_repository"]) / args["model_version"]
        kind, device = args["model_instance_kind"], int(args["model_instance_device_id"])
        try:
            self._session = session.Session(config, folder, kind, device)
        except session.ModelRefused as error:
            raise pb_utils.TritonModelException(
                f"the onnxruntime backend refuses model '{self._name}':\n{error}"
            ) from None
        for warning in self._session.warnings:
            pb_utils.Logger.log_warn(f"model '{self._name}': {warning}")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answers each request, with outputs or with its own error."""
        with self._watch.request():
            return self._answer(requests)

    def _answer(self, requests: Sequence[Any]) -> list[Any]:
        try:
            answers = batch.run_all(
                [
                    {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
                    for request in requests
                ],
                # In the C++ backend's order; requested_output_names has none.
                [sorted(request.requested_output_names()) for request in requests],
                self._session.run,
                batching=self._session.batching,
            )
            return [self._response(answer) for answer in answers]
        except Exception as error:
            # An exception would reach the client as a stack trace with this file's path.
            pb_utils.Logger.log_error(f"model '{self._name}': {error!r}")
            failure = failures.RequestError("the model failed unexpectedly", failures.INTERNAL)
            return [self._response(failure) for _ in requests]

    def _response(self, answer: Any) -> Any:
        if not isinstance(answer, failures.RequestError):
            tensors = [pb_utils.Tensor(name, array) for name, array in answer.items()]
            return pb_utils.InferenceResponse(output_tensors=tensors)
        if answer.__cause__ is not None:
            cause = " ".join(str(answer.__cause__).split())
            pb_utils.Logger.log_warn(f"model '{self._name}': {cause}")
        code = getattr(pb_utils.TritonError, answer.code)
        return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(answer), code))
