"""Requests joined into one run, and its outputs split again. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .failures import INTERNAL, RequestError

Array = npt.NDArray[np.generic]
Arrays = Mapping[str, Array]
Run = Callable[[Arrays, Sequence[str]], dict[str, Array]]
"""(inputs by name, names of the outputs wanted) -> those outputs. Raises RequestError."""


def run_all(
    requests: Sequence[Arrays], wanted: Sequence[Sequence[str]], run: Run, *, batching: bool
) -> list[dict[str, Array] | RequestError]:
    """The outputs of each request, or what is wrong with it.

    All go into one run if the model batches. If that fails, each is run alone, so that only those
    at fault get an error.

    Args:
        requests: each request's inputs; with ``batching`` their first axis is the batch.
        wanted: the names of the outputs that each request asks for.
        run: runs the model.
        batching: whether the model's first axis is the batch.
    """
    if batching and len(requests) > 1 and joinable(requests):
        try:
            answers = split(
                run(join(requests), _union(wanted)), [rows(request) for request in requests]
            )
            return [
                {name: answer[name] for name in names}
                for answer, names in zip(answers, wanted, strict=True)
            ]
        except RequestError:
            pass
    return [
        _run_one(request, names, run, batching=batching)
        for request, names in zip(requests, wanted, strict=True)
    ]


def _run_one(
    request: Arrays, names: Sequence[str], run: Run, *, batching: bool
) -> dict[str, Array] | RequestError:
    try:
        outputs = run(request, names)
        return split(outputs, [rows(request)])[0] if batching else outputs
    except RequestError as error:
        return error


def joinable(requests: Sequence[Arrays]) -> bool:
    """Whether all requests have the same inputs, of equal types, and equal shapes but the rows."""
    first, *others = [
        {name: (array.dtype, array.shape[1:]) for name, array in request.items()}
        for request in requests
    ]
    return all(other == first for other in others)


def join(requests: Sequence[Arrays]) -> dict[str, Array]:
    """The inputs of all requests, one after the other along the first axis."""
    return {name: np.concatenate([request[name] for request in requests]) for name in requests[0]}


def rows(request: Arrays) -> int:
    """The size of the batch axis, as Triton takes it: that of the first input."""
    return int(next(iter(request.values())).shape[0])


def split(outputs: Arrays, counts: Sequence[int]) -> list[dict[str, Array]]:
    """Each request's rows of the outputs of a joined run; views, not copies.

    Args:
        outputs: the outputs, with the batch as first axis.
        counts: how many rows each request has, in order.

    Raises:
        RequestError: an output has more or fewer rows than the requests together, so that nobody
            knows whose they are. The C++ backend cuts them, and may answer with another request's.
    """
    total = sum(counts)
    for name, array in outputs.items():
        if not array.shape or array.shape[0] != total:
            raise RequestError(
                f"output '{name}' of shape {list(array.shape)} does not have the {total} rows of "
                "the batch: its model must have max_batch_size 0",
                INTERNAL,
            )
    ends = np.cumsum(counts).tolist()
    return [
        {name: array[end - count : end] for name, array in outputs.items()}
        for count, end in zip(counts, ends, strict=True)
    ]


def _union(wanted: Sequence[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in wanted for name in names))
