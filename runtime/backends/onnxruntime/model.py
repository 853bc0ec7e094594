"""A Python-based Triton backend that stands in for the C++ onnxruntime backend.

Triton serves with it every model whose config says ``backend: "onnxruntime"``, where this folder
lies in the backend directory under that name, with the modules of `repository` that it imports
below ``repository/``, where :mod:`runtime.server.backend_folder` puts them. It refuses at load what
the C++ backend refuses (:mod:`repository.onnxruntime_rules`), so that a repository that loads here
loads there.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils


def _load_package(name: str, folder: Path) -> None:
    """Makes a folder's modules importable as a package of that name.

    Triton imports this file as a top level module, with its folder at the end of ``sys.path``,
    where a sibling's plain name would lose against any installed module that bears it.
    """
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)


_HERE = Path(__file__).resolve().parent
if (_HERE / "repository").is_dir():  # else this is a checkout, which has the whole package
    _load_package("repository", _HERE / "repository")
_load_package("onnxruntime_backend", _HERE)

from onnxruntime_backend import (  # noqa: E402 -- needs the package
    batch,
    failures,
    session,
)

from repository.copied import abandoned  # noqa: E402 -- likewise


class TritonPythonModel:
    """One instance of a model."""

    @staticmethod
    def auto_complete_config(auto_complete_model_config: Any) -> Any:
        """Fills in what the config leaves out, on a server that is started to do so.

        Raises:
            TritonModelException: the C++ backend cannot complete it either.
        """
        config = auto_complete_model_config.as_dict()
        try:
            session.complete(config, Path(pb_utils.get_model_dir()))
        except session.ModelRefused as error:
            raise pb_utils.TritonModelException(
                f"the onnxruntime backend refuses model '{config['name']}':\n{error}"
            ) from None
        return auto_complete_model_config

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
        """Answers each request, with outputs or with its own error.

        Raises:
            TritonModelException: all of them failed. Only this makes Triton count a failure: the
                Python backend counts a request as a success unless ``execute`` raises
                (``success_status_`` in its pb_metric_reporter.cc), and then fails all of them, as
                INTERNAL. The C++ backend does the same if a run fails.
        """
        with self._watch.request():
            answers = self._answers(requests)
        failed = [str(answer) for answer in answers if isinstance(answer, failures.RequestError)]
        if failed and len(failed) == len(answers):
            raise pb_utils.TritonModelException("; ".join(dict.fromkeys(failed)))
        return [self._response(answer) for answer in answers]

    # Triton adds the name of the file that raised to the text that clients get.
    execute.__code__ = execute.__code__.replace(co_filename="onnxruntime")

    def _answers(self, requests: Sequence[Any]) -> list[Any]:
        """Outputs by name, or a RequestError, for each request; what was wrong is logged."""
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
                warn=lambda text: pb_utils.Logger.log_warn(f"model '{self._name}': {text}"),
            )
        except Exception as error:
            pb_utils.Logger.log_error(f"model '{self._name}': {error!r}")
            failure = failures.RequestError("the model failed unexpectedly", failures.INTERNAL)
            return [failure for _ in requests]
        for answer in answers:
            if isinstance(answer, failures.RequestError) and answer.__cause__ is not None:
                cause = " ".join(str(answer.__cause__).split())
                pb_utils.Logger.log_warn(f"model '{self._name}': {cause}")
        return answers

    def _response(self, answer: Any) -> Any:
        if isinstance(answer, failures.RequestError):
            code = getattr(pb_utils.TritonError, answer.code)
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(answer), code))
        tensors = [pb_utils.Tensor(name, array) for name, array in answer.items()]
        return pb_utils.InferenceResponse(output_tensors=tensors)
