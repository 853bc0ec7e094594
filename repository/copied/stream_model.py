"""The Python-backend model around a streamed stage; copied into version folders as ``model.py``.

It runs inside Triton's interpreter: Python 3.10's language, numpy 1.26 or 2.x.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import triton_python_backend_utils as pb_utils
from abandoned import Watch
from stage_answers import StageAnswers, is_coded, log_error
from stream_engine import Call, ClosedError, Streaming


class TritonPythonModel:
    """Hands each request to the stage's engine, which answers it piece by piece, from any thread.

    A bad request gets its own error response: see
    :class:`repository.copied.stage_answers.StageAnswers`.
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the stage: see :class:`builders.kit.graph.PythonModel`."""
        self.answers = answers = StageAnswers(args)
        answers.overloads += (ClosedError,)
        self.watch = Watch()
        stage = importlib.import_module("stages." + answers.parameters["stage"])
        prepare = functools.partial(stage.prepare, answers.folder, answers.parameters)
        around = _Triton(answers, args["model_instance_name"], self.watch)
        self.streaming = Streaming(answers.name, prepare, around)

    def execute(self, requests: Sequence[Any]) -> None:
        """Returns at once. Nothing of a request is kept but what sends its responses."""
        with self.watch.request():
            for request in requests:
                sink = _Sender(request, self.answers, self.watch)
                try:
                    inputs = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
                except Exception as problem:  # as of texts that are no UTF-8
                    sink.refuse(problem)
                else:
                    self.streaming.begin(inputs, sink)

    def finalize(self) -> None:
        """Triton calls it once all requests have been answered, or when it cannot wait longer."""
        self.streaming.close()


class _Sender:
    """Sends one request's responses: a :class:`repository.copied.stream_engine.Sink`."""

    def __init__(self, request: Any, answers: StageAnswers, watch: Watch) -> None:
        self._sender = request.get_response_sender()
        self._wanted = frozenset(request.requested_output_names())
        self._coded = is_coded(request)
        self._answers = answers
        self._watch = watch

    def deliver(self, outputs: Mapping[str, Any] | None, *, final: bool) -> None:
        flags = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if final else 0
        if outputs is None:
            self._send(None, flags)
        else:
            self._send(self._answers.response(outputs, self._wanted), flags)

    def refuse(self, problem: BaseException) -> None:
        told = self._answers.refusal(problem, coded=self._coded)
        self._send(told, pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def is_cancelled(self) -> bool:
        self._watch.wait_for_quiet()
        return bool(self._sender.is_cancelled())

    def _send(self, response: Any, flags: int) -> None:
        self._watch.wait_for_quiet()
        self._sender.send(response, flags=flags)


class _Triton:
    """What Triton does for an engine: :class:`repository.copied.stream_engine.Surroundings`."""

    def __init__(self, answers: StageAnswers, instance: str, watch: Watch) -> None:
        self.call: Call | None = answers.caller
        if answers.caller is not None:
            answers.caller.before = watch.wait_for_quiet
        self._watch = watch
        self._name = answers.name
        self._labels = {"model": answers.name}
        if sum(group["count"] for group in answers.config["instance_group"]) > 1:
            self._labels["instance"] = instance
        self._kept: list[Any] = []

    def log_error(self, text: str) -> None:
        log_error(self._name, text)

    def metric(self, kind: str, name: str, words: str) -> Callable[[float], None]:
        try:
            family = pb_utils.MetricFamily(
                name=name, description=words, kind=getattr(pb_utils.MetricFamily, kind.upper())
            )
            metric = family.Metric(labels=self._labels)
        except Exception as problem:  # a server may be started without metrics
            self.log_error(f"no metric {name}: {problem}")
            return lambda _: None
        self._kept += [family, metric]

        def push(value: float) -> None:
            self._watch.wait_for_quiet()
            (metric.set if kind == "gauge" else metric.increment)(value)

        return push
