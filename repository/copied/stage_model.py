"""The Python-backend model around a stage; copied into version folders as ``model.py``.

It runs inside Triton's interpreter: Python 3.10's language, numpy 1.26 or 2.x.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stage_answers import StageAnswers, is_coded


class TritonPythonModel:
    """Calls the stage that the config's parameter ``stage`` names, once a request.

    A bad request gets its own error response, and the others of the batch their answers: see
    :class:`repository.copied.stage_answers.StageAnswers`.
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the stage: see :class:`builders.kit.graph.PythonModel`."""
        self.answers = answers = StageAnswers(args)
        given: list[Any] = []
        self.pool = None
        if answers.caller is not None:
            given.append(answers.caller)
            # While one request waits for what it called, others of the batch can go on.
            self.pool = ThreadPoolExecutor(max(1, int(answers.config["max_batch_size"])))
        self.sequences = None
        if "sequence_batching" in answers.config:
            batching = answers.config["sequence_batching"]
            state = importlib.import_module("sequence_state")
            answers.refusals += (state.UnknownSequenceError,)
            answers.overloads += (state.SequencesFullError,)
            self.sequences = state.Sequences(
                int(
                    answers.parameters.get(state.MOST)
                    or batching["oldest"]["max_candidate_sequences"]
                ),
                2e-6 * int(batching["max_sequence_idle_microseconds"]),
            )
        self.watch = importlib.import_module("abandoned").Watch()
        stage = importlib.import_module("stages." + answers.parameters["stage"])
        self.run = stage.prepare(answers.folder, answers.parameters, *given)

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
            return self.answers.response(outputs, set(request.requested_output_names()))
        except BaseException as problem:  # a library's SystemExit is no reason to end the stub
            return self.answers.refusal(problem, coded=is_coded(request))

    def _run(self, request: Any, inputs: dict[str, Any]) -> Any:
        if self.sequences is None:
            return self.run(inputs)
        start, end = (bool(inputs.pop(name).reshape(-1)[0]) for name in ("START", "END"))
        with self.sequences.request(
            inputs, start=start, end=end, correlation=request.correlation_id()
        ) as told:
            return self.run(told)
