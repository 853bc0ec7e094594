"""What a client tells its user when a request fails: one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tritonclient.utils import InferenceServerException


class RequestError(Exception):
    """A request that got no answer.

    Attributes:
        code: the gRPC status' name, as ``INVALID_ARGUMENT`` or ``UNAVAILABLE``.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


# Triton puts the request's id, and each ensemble that a failing step lies in, before the reason.
_PREFIX = re.compile(r"^(\[request id: [^\]]*\] |in ensemble '[^']*', )+")


def reason(problem: InferenceServerException) -> str:
    """The server's own sentence, without what Triton puts before it."""
    return _PREFIX.sub("", problem.message() or "").strip() or "the server gave no reason"


def is_unreachable(problem: InferenceServerException) -> bool:
    """Whether nothing answers at the address, which an overloaded server's refusal is not."""
    return "UNAVAILABLE" in (problem.status() or "") and bool(
        re.search("connect|Socket closed|Connection", problem.message() or "")
    )


@contextmanager
def one_sentence(url: str) -> Iterator[None]:
    """Turns tritonclient's exceptions into :class:`RequestError`.

    Args:
        url: the server's address, for the message when nothing answers there.
    """
    try:
        yield
    except InferenceServerException as problem:
        code = (problem.status() or "UNKNOWN").removeprefix("StatusCode.")
        if is_unreachable(problem):
            raise RequestError(
                code, f"no server answers at {url}; start one with `make serve`"
            ) from problem
        raise RequestError(code, reason(problem)) from problem
