"""A pipeline as a BLS model; copied into version folders as ``model.py``, with ``flow.json``.

It runs inside Triton's interpreter: Python 3.10's language, numpy 1.26 or 2.x.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils
from abandoned import Watch
from calling import told
from client_text import CODED, failed, utf8
from flow import Ends, Tensors, Wiring, waves


class StepFailedError(Exception):
    """A composing model answered with an error, which goes to the client as it is."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class TritonPythonModel:
    """Runs the steps of ``flow.json``. Steps that do not need each other run side by side."""

    def initialize(self, args: dict[str, str]) -> None:
        """Reads the flow beside this file."""
        folder = Path(args["model_repository"]) / args["model_version"]
        flow = json.loads((folder / "flow.json").read_text(encoding="utf-8"))
        self.name = args["model_name"]
        self.ends = Ends(**flow["ends"])
        self.watch = Watch()
        self.waves = waves([Wiring(**step) for step in flow["steps"]], flow["inputs"])

    async def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One response for each request, all of them under way at once."""
        with self.watch.request():
            return list(await asyncio.gather(*(self._respond(request) for request in requests)))

    async def _respond(self, request: Any) -> Any:
        try:
            given = {tensor.name(): tensor for tensor in request.inputs()}
            tensors: Tensors[Any] = Tensors(self.ends, given, _shape, _reshaped)
            for wave in self.waves:
                answers = await asyncio.gather(*(self._call(step, tensors) for step in wave))
                for step, answer in zip(wave, answers, strict=True):
                    tensors.scatter(step, answer)
            asked = set(request.requested_output_names())
            wanted = tensors.outputs([name for name in self.ends.outputs if name in asked])
            return pb_utils.InferenceResponse(
                [_named(tensor, name) for name, tensor in wanted.items()]
            )
        except StepFailedError as failure:
            code = getattr(pb_utils.TritonError, failure.code)
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(failure), code))
        except BaseException:  # whatever it is: an exception reaches the client with a traceback
            pb_utils.Logger.log_error(utf8(f"{self.name}: {traceback.format_exc()}"))
            return pb_utils.InferenceResponse(
                error=pb_utils.TritonError(failed(self.name), pb_utils.TritonError.INTERNAL)
            )

    async def _call(self, step: Wiring, tensors: Tensors[Any]) -> dict[str, Any]:
        response = await pb_utils.InferenceRequest(
            model_name=step.model,
            requested_output_names=list(step.outputs),
            parameters={CODED: True},
            inputs=[_named(tensor, name) for name, tensor in tensors.gather(step).items()],
        ).async_exec()
        if response.has_error():
            raise StepFailedError(*told(response.error(), step.model))
        return {tensor.name(): tensor for tensor in response.output_tensors()}


def _named(tensor: Any, name: str) -> Any:
    """The tensor under another name."""
    return tensor if tensor.name() == name else pb_utils.Tensor(name, tensor.as_numpy())


def _shape(tensor: Any) -> Sequence[int]:
    return [*tensor.shape()]


def _reshaped(tensor: Any, shape: Sequence[int]) -> Any:
    return pb_utils.Tensor(tensor.name(), tensor.as_numpy().reshape(shape))
