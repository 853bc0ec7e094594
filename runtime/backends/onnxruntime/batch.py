"""Requests joined into one run, and its outputs split again. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .failures import UNSUPPORTED, RequestError

Array = npt.NDArray[np.generic]
Arrays = Mapping[str, Array]
Run = Callable[[Arrays, Sequence[str]], dict[str, Array]]
"""(inputs by name, names of the outputs wanted) -> those outputs. Raises RequestError."""


def run_all(
    requests: Sequence[Arrays],
    wanted: Sequence[Sequence[str]],
    run: Run,
    *,
    batching: bool,
    warn: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Array] | RequestError]:
    """The outputs of each request, or what is wrong with it.

    If the model batches, all go into one run. If that run fails, each request is run alone, so only
    the bad ones get an error.

    Args:
        requests: each request's inputs; with ``batching`` their first axis is the batch.
        wanted: the names of the outputs that each request asks for.
        run: runs the model.
        batching: whether the model's first axis is the batch.
        warn: told of outputs of which rows are dropped.
    """
    if not batching:
        return [_run_one(*each, run) for each in zip(requests, wanted, strict=True)]
    if len(requests) > 1 and joinable(requests):
        try:
            outputs = run(join(requests), _union(wanted))
        except RequestError:
            pass
        else:
            return split(outputs, wanted, [rows(request) for request in requests], warn)
    answers = []
    for request, names in zip(requests, wanted, strict=True):
        answer = _run_one(request, names, run)
        if not isinstance(answer, RequestError):
            answer = split(answer, [names], [rows(request)], warn)[0]
        answers.append(answer)
    return answers


def _run_one(request: Arrays, names: Sequence[str], run: Run) -> dict[str, Array] | RequestError:
    try:
        return run(request, names)
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
    """The size of the batch axis. Triton takes it from the first input."""
    return int(next(iter(request.values())).shape[0])


def split(
    outputs: Arrays,
    wanted: Sequence[Sequence[str]],
    counts: Sequence[int],
    warn: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Array] | RequestError]:
    """Each request's rows of the outputs of a joined run, as the C++ backend splits them.

    Rows beyond the requests' own are dropped. If an output lacks a request's rows, that request
    gets an error.

    Args:
        outputs: the outputs, with the batch as first axis.
        wanted: the names of the outputs that each request asks for.
        counts: how many rows each request has, in order.
        warn: told of outputs of which rows are dropped.

    Returns:
        for each request, views of the outputs, not copies.
    """
    ends = np.cumsum(counts).tolist()
    for name, array in outputs.items():
        if array.shape and array.shape[0] > ends[-1]:
            warn(
                f"output '{name}' of shape {list(array.shape)} has more rows than the batch, "
                f"{ends[-1]}: the rest is dropped, as by the C++ backend"
            )
    return [
        _own_rows(outputs, names, end - count, end)
        for names, count, end in zip(wanted, counts, ends, strict=True)
    ]


def _own_rows(
    outputs: Arrays, names: Sequence[str], start: int, end: int
) -> dict[str, Array] | RequestError:
    for name in names:
        found = outputs[name].shape[0] if outputs[name].shape else 0
        if found < end:
            return RequestError(
                f"output '{name}' of shape {list(outputs[name].shape)} lacks rows of the batch: "
                f"expected at least {end}; its model must have max_batch_size 0",
                UNSUPPORTED,
            )
    return {name: outputs[name][start:end] for name in names}


def _union(wanted: Sequence[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in wanted for name in names))
