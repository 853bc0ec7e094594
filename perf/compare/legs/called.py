"""A mode without an endpoint: a function of this process, which only our loader can call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tritonclient.utils import InferenceServerException

from clients.connection.errors import is_unreachable, reason
from perf.compare.legs.target import Effort, Target, load
from perf.errors import PerfError
from perf.measure.inputs import Request
from perf.measure.loader import Sample
from perf.result import Leg
from repository.errors import KitError


def _nothing() -> None:
    return


@dataclass
class Called(Target):
    """A function from inputs to outputs.

    Attributes:
        run: the function.
        end: ends what it uses.
    """

    run: Callable[[Request], Mapping[str, np.ndarray]] = dict
    end: Callable[[], None] = _nothing

    def outputs(self, i: int) -> Mapping[str, np.ndarray]:
        """All outputs of one request."""
        try:
            return self.run(self.requests[i % len(self.requests)])
        except InferenceServerException as problem:
            where = "no server answers" if is_unreachable(problem) else reason(problem)
            raise PerfError(where) from problem
        except Exception as problem:
            # In process, a pipeline's own code raises whatever it raises.
            raise PerfError(_sentence(problem)) from problem

    def sample(self, leg: Leg, effort: Effort) -> Sample:
        """One measurement with :mod:`perf.measure.loader`."""
        return load(self.outputs, leg, effort)

    def close(self) -> None:
        """Ends what the function uses."""
        self.end()


def chained(address: str, pipeline: str, requests: list[Request], timeout_seconds: float) -> Called:
    """A client that calls each step over the network.

    Args:
        address: ``host:port`` of the gRPC endpoint that serves all steps.
        pipeline: the ensemble whose steps they are.
        requests: what it is called with.
        timeout_seconds: the longest that a step may take.

    Raises:
        PerfError: there is no such server or ensemble.
    """
    from clients.chained import Chained

    try:
        client = Chained(address, pipeline, timeout_seconds=timeout_seconds)
    except InferenceServerException as problem:
        raise PerfError(reason(problem)) from problem
    except (KitError, ValueError) as problem:
        raise PerfError(str(problem)) from problem
    return Called(requests, run=client.run, end=client.close)


def in_process(repository: Path, pipeline: str, requests: list[Request]) -> Called:
    """The pipeline in this process.

    Args:
        repository: the built model repository.
        pipeline: the ensemble.
        requests: what it is called with.

    Raises:
        PerfError: it cannot run in process.
    """
    from runtime.inprocess import InProcess

    process = InProcess(repository)
    try:
        process.load(pipeline)
    except Exception as problem:
        # Each stage loads with its own code, which may raise anything.
        raise PerfError(_sentence(problem)) from problem
    return Called(requests, run=lambda request: process.run(pipeline, request), end=process.close)


def _sentence(problem: Exception) -> str:
    """The first line of what an exception says, as it is or with the exception's name."""
    said = next((line.strip() for line in str(problem).splitlines() if line.strip()), "")
    return (
        said
        if isinstance(problem, KitError | ValueError) and said
        else f"{type(problem).__name__}: {said}"
    )
