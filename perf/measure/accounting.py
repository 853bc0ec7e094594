"""Where the time goes, from the servers' own statistics.

Triton counts from when a model was loaded, so the difference of two snapshots is what happened
between them. What it counts (24.10, tried):

- an ensemble's ``compute_*`` are the sums of its steps', and its queue is next to nothing; the
  ``compute_infer`` of a model that calls others holds all of its calls. So a pipeline's own times
  must not be added to those of its steps, and neither must those of models that a step calls. Only
  :func:`server_ms` reads them;
- a request that a Python model answers with an error is a success of that model and two failures
  of the ensemble above it; failures have a duration, and no queue or compute times;
- an answer from the response cache is a success without compute times;
- a request is counted a moment after its answer was sent.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from tritonclient.utils import InferenceServerException

from clients.connection.address import parse
from clients.connection.connection import Client
from clients.connection.errors import is_unreachable, reason
from perf.errors import LegFailed
from perf.result import StepTime

_TIMEOUT_SECONDS = 30.0
_SETTLE_SECONDS = 0.02
_SETTLE_LOOKS = 4
"""So many looks in a row have to find the same: a busy machine counts late."""
_SETTLE_TRIES = 50


@dataclass(frozen=True)
class Counts:
    """A model's statistics since it was loaded, all of its versions together.

    Attributes:
        success: answered requests.
        success_ns: from their arrival to their answer, in nanoseconds; so for the others.
        fail: failed requests.
        queue_ns: waiting for an instance.
        compute_input_ns: preparing inputs.
        compute_infer_ns: running the model.
        compute_output_ns: fetching outputs.
    """

    success: int
    success_ns: int
    fail: int
    queue_ns: int
    compute_input_ns: int
    compute_infer_ns: int
    compute_output_ns: int


Snapshot = Mapping[str, Counts]
"""Model -> its statistics."""


class Accounting:
    """Reads the statistics of some models.

    Args:
        addresses: model -> ``host:port`` of the gRPC endpoint of the server that serves it.
    """

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = dict(addresses)

    def snapshot(self) -> Snapshot:
        """The statistics now, or, after the last answer, as soon as they stand still.

        Raises:
            LegFailed: a server does not answer, or does not serve a model.
        """
        clients = {address: Client(parse(address)) for address in set(self._addresses.values())}
        try:
            counts, same = self._read(clients), 0
            for _ in range(_SETTLE_TRIES):
                time.sleep(_SETTLE_SECONDS)
                before, counts = counts, self._read(clients)
                same = same + 1 if counts == before else 0
                if same == _SETTLE_LOOKS:
                    break
            return counts
        finally:
            for client in clients.values():
                client.close()

    def _read(self, clients: Mapping[str, Any]) -> Snapshot:
        return {
            model: _counts(clients[address], model, address)
            for model, address in self._addresses.items()
        }


def _counts(client: Any, model: str, address: str) -> Counts:
    try:
        answer = client.get_inference_statistics(model, client_timeout=_TIMEOUT_SECONDS)
    except InferenceServerException as problem:
        if is_unreachable(problem):
            raise LegFailed(f"no server answers at {address}") from problem
        raise LegFailed(f"no statistics of model '{model}': {reason(problem)}") from problem
    return _sum(version.inference_stats for version in answer.model_stats)


def _sum(versions: Iterable[Any]) -> Counts:
    every = list(versions)
    return Counts(
        success=sum(each.success.count for each in every),
        success_ns=sum(each.success.ns for each in every),
        fail=sum(each.fail.count for each in every),
        queue_ns=sum(each.queue.ns for each in every),
        compute_input_ns=sum(each.compute_input.ns for each in every),
        compute_infer_ns=sum(each.compute_infer.ns for each in every),
        compute_output_ns=sum(each.compute_output.ns for each in every),
    )


def _between(before: Snapshot, after: Snapshot) -> dict[str, Counts]:
    """What was counted from one snapshot to the other.

    Raises:
        LegFailed: a model's counts fell, or it is in one of the snapshots only.
    """
    if before.keys() != after.keys():
        apart = sorted(before.keys() ^ after.keys())
        raise LegFailed(f"the statistics before and after are not of the same models: {apart}")
    found = {}
    for model, earlier in before.items():
        changes = {
            field.name: getattr(after[model], field.name) - getattr(earlier, field.name)
            for field in fields(Counts)
        }
        if min(changes.values()) < 0:
            raise LegFailed(
                f"the statistics of model '{model}' fell during the measurement: its server was "
                "started again, or the model loaded again"
            )
        found[model] = Counts(**changes)
    return found


def steps(
    before: Snapshot, after: Snapshot, requests: int, *, leave_out: Collection[str] = ()
) -> tuple[StepTime, ...]:
    """The time that each model took for one request of the pipeline.

    Args:
        before: taken before the requests were sent.
        after: taken when all were answered.
        requests: of the pipeline, with those of a warm-up between the snapshots.
        leave_out: models that are not steps, as the pipeline itself.

    Raises:
        ValueError: there was no request.
        LegFailed: the server was started again in between.
    """
    if requests < 1:
        raise ValueError(f"{requests} requests; expected at least 1")

    def share(nanoseconds: int) -> float:
        return nanoseconds / 1e3 / requests

    return tuple(
        StepTime(
            model=model,
            calls=(counts.success + counts.fail) / requests,
            queue_us=share(counts.queue_ns),
            compute_input_us=share(counts.compute_input_ns),
            compute_infer_us=share(counts.compute_infer_ns),
            compute_output_us=share(counts.compute_output_ns),
        )
        for model, counts in _between(before, after).items()
        if model not in leave_out
    )


def server_ms(before: Snapshot, after: Snapshot, model: str) -> float | None:
    """The mean time of an answered request within the server, in milliseconds.

    Args:
        before: with the model in it, usually the pipeline.
        after: likewise.
        model: its name.

    Returns:
        from the request's arrival to its answer; None if none was answered.

    Raises:
        LegFailed: the server was started again in between.
    """
    counts = _between({model: before[model]}, {model: after[model]})[model]
    return counts.success_ns / counts.success / 1e6 if counts.success else None
