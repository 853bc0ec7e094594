"""Any served model as a call: arrays by name in, arrays by name out."""

from __future__ import annotations

import difflib
import random
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import tritonclient.grpc as grpc

from clients.connection.connection import CUTS, PipelineClient, output
from clients.connection.errors import RequestError, UnknownModel
from clients.infer.served import ServedModel, served_model
from repository.arrays import Array, Arrays, joined
from repository.usage.tensors import ServedTensor


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        version: the version that answered.
        outputs: by name, in the model's order; texts are bytes in arrays of objects, and BF16 is
            float32.
    """

    version: str
    outputs: dict[str, Array]


class ModelClient(PipelineClient):
    """Calls any model over gRPC. The arguments are those of :class:`.PipelineClient`."""

    def served(self, model: str, version: str = "") -> ServedModel:
        """What a model takes and gives.

        Args:
            model: its name.
            version: one of its versions; empty leaves the choice to the server.

        Raises:
            RequestError: the server does not serve it, or no answer came.
        """
        try:
            metadata = self._connection.metadata(model, version)
            return served_model(version, metadata, self._connection.config(model, version))
        except UnknownModel as problem:
            raise RequestError(problem.code, f"{problem}{self._others(model)}") from problem

    def infer(self, model: ServedModel, inputs: Arrays) -> Answer:
        """One request.

        A model of sequences gets it as a whole sequence, which begins and ends with it. The pieces
        of a decoupled model's answer are joined, each output along its first axis.

        Args:
            model: what :meth:`served` told.
            inputs: by name; texts are bytes in arrays of objects, and BF16 is given as float32.

        Raises:
            RequestError: it was refused, or no answer came.
        """
        if model.decoupled:
            return self._joined(model, list(self.stream(model, inputs)))
        options: dict[str, Any] = {}
        if model.sequence:
            options = {
                "sequence_id": random.randrange(1, 1 << 63),
                "sequence_start": True,
                "sequence_end": True,
            }
        result = self._connection.infer(
            model.name,
            _request_inputs(model, inputs),
            cuts=0 if model.sequence else CUTS,
            model_version=model.version,
            **options,
        )
        return _answer(model, result)

    def stream(
        self, model: ServedModel, inputs: Arrays, *, wait: float | None = None
    ) -> Generator[Answer]:
        """One request, and each piece of its answer as soon as it comes.

        A model that is not decoupled answers in one. The request is cancelled if the generator is
        closed before its end.

        Args:
            model: as in :meth:`infer`, but not one of sequences.
            inputs: as there.
            wait: seconds that each piece may take; None is as long as the whole answer.

        Raises:
            RequestError: it was refused, or no answer came, or not all of it.
        """
        pieces = self._connection.stream(
            model.name, _request_inputs(model, inputs), wait=wait, version=model.version
        )
        with closing(pieces):
            for piece in pieces:
                yield _answer(model, piece)

    def _joined(self, model: ServedModel, pieces: Sequence[Answer]) -> Answer:
        if not pieces:
            raise RequestError("UNKNOWN", f"'{model.name}' ended its answer without a piece of it")
        try:
            outputs = joined([each.outputs for each in pieces])
        except ValueError as problem:
            raise RequestError(
                "UNKNOWN", f"the pieces that '{model.name}' answers do not fit together: {problem}"
            ) from problem
        return Answer(pieces[0].version, outputs)

    def _others(self, model: str) -> str:
        """The end of a sentence: what the server serves instead, where it says so."""
        try:
            names = self._connection.models()
        except RequestError:
            return "; name one that the server has loaded, as the folders of its repository"
        if not names:
            return "; the server has loaded no model"
        close = difflib.get_close_matches(model, names, 1)
        return f"; did you mean '{close[0]}'?" if close else f"; there are: {', '.join(names)}"


def _answer(model: ServedModel, result: grpc.InferResult) -> Answer:
    outputs = {each.name: output(result, each.name, model.name) for each in model.outputs}
    return Answer(result.get_response().model_version, outputs)


def _request_inputs(model: ServedModel, inputs: Arrays) -> list[grpc.InferInput]:
    return [_request_input(each, inputs[each.name]) for each in model.inputs if each.name in inputs]


def _request_input(tensor: ServedTensor, array: Array) -> grpc.InferInput:
    made = grpc.InferInput(tensor.name, list(array.shape), str(tensor.dtype))
    made.set_data_from_numpy(array)
    return made
