"""A request that the scheduler runs: its prompt's embeddings in, its tokens out as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..running.sampling import Sampler
from .sight import Seen
from .telling import Telling


class Answering:
    """A request, as :class:`builders.decoder.stages.running.scheduler.Job` has it.

    Args:
        ids: INT64 [tokens], the prompt; where images stand, any.
        images: the images, each with the place of its first row.
        embed: INT64 [tokens] -> FP32 [tokens, hidden].
        sampler: chooses tokens.
        telling: gets its tokens.
        count: gets how many tokens of the prompt were computed, how many were in the cache, and how
            many were generated, as they come.
    """

    def __init__(
        self,
        ids: np.ndarray,
        images: Sequence[tuple[int, Seen]],
        embed: Callable[[np.ndarray], np.ndarray],
        sampler: Sampler,
        telling: Telling,
        count: Callable[[int, int, int], Any],
    ) -> None:
        self._images, self._embed, self.sampler = images, embed, sampler
        self._telling, self._count = telling, count
        self.keys = ids.copy()
        for first, image in images:
            self.keys[first : first + len(image.keys)] = image.keys

    def rows(self, first: int, last: int) -> np.ndarray:
        """FP32 [last - first, hidden], the embeddings of a part of the prompt."""
        found = self._embed(np.maximum(self.keys[first:last], 0))
        for place, image in self._images:
            begin, end = max(place, first), min(place + len(image.rows), last)
            if begin < end:
                found[begin - first : end - first] = image.rows[begin - place : end - place]
        return found

    def began(self, cached: int) -> None:
        """Its prompt is begun; that many of its tokens were in the cache."""
        self._telling.cached = cached
        self._count(len(self.keys) - cached, cached, 0)

    def took(self, token: int) -> bool:
        """A token was generated; false if it is the last."""
        self._count(0, 0, 1)
        return self._telling.took(token)

    def failed(self, error: BaseException) -> None:
        """It cannot go on."""
        self._telling.failed(error)

    def cancelled(self) -> bool:
        """Whether nobody waits for its answer any more."""
        return self._telling.cancelled()
