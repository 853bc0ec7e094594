"""Which models the server has, and what each is good for, found by its tensors."""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Set
from dataclasses import dataclass

from gateway.errors import ApiError, invalid
from gateway.triton import failures
from gateway.triton.server import Triton

_KEPT_SECONDS = 30.0
"""A model may be loaded anew with other tensors."""

_LONGEST = 256


class Use(enum.StrEnum):
    """What a model can be asked for."""

    CHAT = "chat"
    TEXT_VECTORS = "text embeddings"
    IMAGE_VECTORS = "image embeddings"
    OCR = "OCR"
    SPEECH = "transcription"


_TENSORS: dict[Use, tuple[Set[str], Set[str]]] = {
    Use.CHAT: ({"messages", "text_input"}, {"text_output", "finish_reason"}),
    Use.IMAGE_VECTORS: ({"image"}, {"pooled"}),
    Use.OCR: ({"image"}, {"text", "boxes", "scores", "page_numbers", "page_count"}),
    Use.SPEECH: ({"audio"}, {"segment_text", "segments", "scores", "words", "word_times"}),
}
"""A use -> the inputs and outputs that a model for it has."""

VECTORS = ("embeddings", "text_pooled")
"""Outputs with a vector for each text of the one input ``text``."""


@dataclass(frozen=True)
class Model:
    """A model that is served.

    Attributes:
        name: its name.
        inputs: the names of what it takes.
        outputs: of what it gives.
    """

    name: str
    inputs: frozenset[str]
    outputs: frozenset[str]

    @property
    def uses(self) -> frozenset[Use]:
        """What it can be asked for; empty if for nothing that the gateway has a route for."""
        found = {
            use
            for use, (inputs, outputs) in _TENSORS.items()
            if inputs <= self.inputs and outputs <= self.outputs
        }
        if self.inputs == {"text"} and self.outputs.intersection(VECTORS):
            found.add(Use.TEXT_VECTORS)
        return frozenset(found)


class Catalogue:
    """The models of a server; what it said of a model is kept for half a minute.

    Args:
        triton: the server.
    """

    def __init__(self, triton: Triton) -> None:
        self._triton = triton
        self._known: dict[str, tuple[float, Model]] = {}

    async def models(self) -> list[Model]:
        """Those that can be asked for something.

        Raises:
            ApiError: the server gave no answer.
        """
        names = await self._triton.names()
        self._known = {name: kept for name, kept in self._known.items() if name in names}
        found = await asyncio.gather(*map(self._model, names), return_exceptions=True)
        for each in found:
            # One that is unloaded meanwhile is left out.
            if isinstance(each, BaseException) and not _is_gone(each):
                raise each
        return [each for each in found if isinstance(each, Model) and each.uses]

    async def model(self, name: str, *uses: Use) -> Model:
        """The model of that name, which has to be good for one of these.

        Raises:
            ApiError: it is not served, or good for something else.
        """
        if not name or len(name) > _LONGEST or not name.isprintable():
            raise failures.no_model(name[:60])
        model = await self._model(name)
        if not model.uses.intersection(uses):
            does = ", ".join(sorted(model.uses)) or "no route of this API"
            told = f"the model '{name}' is for {does}, and {' or '.join(uses)} is asked for"
            raise invalid(told, "model", "model_not_supported")
        return model

    async def _model(self, name: str) -> Model:
        until, kept = self._known.get(name, (0.0, None))
        if kept is not None and time.monotonic() < until:
            return kept
        told = await self._triton.metadata(name)
        inputs, outputs = ({each.name for each in side} for side in (told.inputs, told.outputs))
        model = Model(name, frozenset(inputs), frozenset(outputs))
        self._known[name] = time.monotonic() + _KEPT_SECONDS, model
        return model


def _is_gone(problem: BaseException) -> bool:
    return isinstance(problem, ApiError) and problem.status in (404, 503)
