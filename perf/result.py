"""What a comparison measured: the types, and their JSON.

A leg is one way to serve a pipeline under one load. It is measured in rounds, the legs of a round
one after the other, so a slow minute hurts all of them, and ratios are taken round by round.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perf.errors import PerfError
from repository.files.bounded_file import Unreadable, read_bounded
from repository.files.json_file import MAXIMUM_BYTES
from repository.files.whole_file import write_whole

Mode = Literal["ensemble", "fused", "bls", "chained", "services", "services-kserve", "in-process"]
"""``ensemble``, ``fused`` (the same with neighbouring steps as one) and ``bls``: one model of one
Triton. ``chained``: a client calls each step of that
Triton. ``services``: each step its own server process behind a gateway on tritonclient's servicer;
``services-kserve``: behind one on KServe's model server. ``in-process``: no server, the floor."""

Loader = Literal["perf_analyzer", "loader"]
"""What sent the requests: perf_analyzer, or :mod:`perf.measure.loader`. Legs are compared only with
legs under the same loader."""

SCHEMA = 1


class Record(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Load(Record):
    """How requests arrive.

    Attributes:
        kind: ``concurrency``: so many always under way; ``request_rate``: Poisson arrivals.
        value: the number under way, or requests a second.
        share: for a rate, which share of the ensemble's own throughput it was meant to be.
    """

    kind: Literal["concurrency", "request_rate"]
    value: float = Field(gt=0)
    share: float | None = None

    def __str__(self) -> str:
        if self.kind == "concurrency":
            return f"concurrency {self.value:g}"
        if self.share is not None:
            return f"Poisson at {self.share:.0%} of the pipeline's throughput"
        return f"Poisson at {self.value:.3g} a second"


class Leg(Record):
    """One way to serve the pipeline under one load."""

    mode: Mode
    load: Load
    loader: Loader
    protocol: Literal["grpc", "http", "none"] = "grpc"
    shared_memory: Literal["none", "system"] = "none"

    def __str__(self) -> str:
        extra: list[str] = [self.loader]
        if self.protocol == "http":
            extra.insert(0, "HTTP")
        if self.shared_memory != "none":
            extra.insert(0, f"{self.shared_memory} shared memory")
        return f"{self.mode}, {self.load} ({', '.join(extra)})"


class StepTime(Record):
    """What the servers' statistics say about one model, in microseconds for one request of the
    pipeline: the sum over its calls, which may have run side by side."""

    model: str
    calls: float
    queue_us: float
    compute_input_us: float
    compute_infer_us: float
    compute_output_us: float

    @property
    def total_us(self) -> float:
        """All of it."""
        return (
            self.queue_us + self.compute_input_us + self.compute_infer_us + self.compute_output_us
        )


class ProcessUse(Record):
    """What one part used: ``server``, ``gateway``, ``client``, or the stubs of a model.

    Attributes:
        part: its name; of stubs, the model's.
        processes: how many.
        cpu_ms: processor time for one request of the pipeline, in milliseconds.
        resident_mib: resident memory at the round's end, all processes together, in MiB.
        proportional_mib: the same with shared pages divided among the processes that share them.
    """

    part: str
    processes: int
    cpu_ms: float
    resident_mib: float
    proportional_mib: float


class Round(Record):
    """One measurement of a leg, warm-up left out.

    Attributes:
        number: the round, from 0.
        latencies_ms: of each answered request.
        seconds: from the first request sent to the last answer.
        errors: requests that were not answered, or with an error.
        first_error: the first one's sentence.
        server_ms: the mean time of a request within the pipeline's own server or gateway.
        steps: by model.
        processes: by part.
    """

    number: int
    latencies_ms: tuple[float, ...]
    seconds: float
    errors: int = 0
    first_error: str | None = None
    server_ms: float | None = None
    steps: tuple[StepTime, ...] = ()
    processes: tuple[ProcessUse, ...] = ()

    def percentile(self, percent: float) -> float:
        """A percentile of the latencies, in milliseconds; NaN when nothing was answered."""
        if not self.latencies_ms:
            return float("nan")
        return float(np.percentile(self.latencies_ms, percent))

    @property
    def throughput(self) -> float:
        """Answered requests a second."""
        return len(self.latencies_ms) / self.seconds if self.seconds > 0 else 0.0


class LegResult(Record):
    """A leg's rounds, or why none of them counts.

    Attributes:
        leg: which.
        rounds: those that were measured, also of a leg that failed later.
        failure: one sentence, if the leg failed.
    """

    leg: Leg
    rounds: tuple[Round, ...] = ()
    failure: str | None = None

    @property
    def errors(self) -> int:
        """Of all rounds."""
        return sum(each.errors for each in self.rounds)

    def percentile(self, percent: float) -> float:
        """The median over the rounds of their percentile, in milliseconds."""
        return float(np.median([each.percentile(percent) for each in self.rounds]))

    @property
    def throughput(self) -> float:
        """The median over the rounds of answered requests a second."""
        return float(np.median([each.throughput for each in self.rounds]))

    @property
    def spread(self) -> float:
        """Half the range of the rounds' p50, as a share of their median."""
        medians = [each.percentile(50) for each in self.rounds]
        return float((max(medians) - min(medians)) / 2 / np.median(medians))


class ColdStart(Record):
    """From process start to ready.

    Attributes:
        mode: ``ensemble`` (one Triton with everything), ``services`` or ``in-process``.
        seconds: one for each start.
        load_seconds: model -> the time its load took, one for each start.
    """

    mode: Mode
    seconds: tuple[float, ...]
    load_seconds: dict[str, tuple[float, ...]] = {}


class Machine(Record):
    """Where it was measured."""

    system: str
    processor: str
    cores: int
    memory_gib: float
    gpus: tuple[str, ...] = ()
    load_before: float


class Result(Record):
    """A whole comparison.

    Attributes:
        schema_version: of this file.
        pipeline: what was compared.
        single: it is one model without steps; what is called its ensemble elsewhere is that model.
        started: ISO 8601, UTC.
        repository: the built repository's digest, if it has a manifest.
        scenario: as it was read, defaults filled in.
        machine: where.
        software: name -> version; ``perf_analyzer`` with the place it came from.
        spread_limit: a leg whose spread is wider has no figure.
        legs: in the order in which a round runs them.
        cold_starts: by mode.
        unfinished: why it ended early, if it did.
    """

    schema_version: Literal[1] = 1
    pipeline: str
    single: bool = False
    started: str
    repository: str | None
    scenario: dict[str, object]
    machine: Machine
    software: dict[str, str]
    spread_limit: float
    legs: tuple[LegResult, ...]
    cold_starts: tuple[ColdStart, ...] = ()
    unfinished: str | None = None

    def doubt(self, leg: LegResult) -> str | None:
        """Why a leg has no figure, or None if it has one."""
        if leg.failure:
            return leg.failure
        if not any(each.latencies_ms for each in leg.rounds):
            return "no request was answered"
        if len(leg.rounds) < 2:
            return "measured once only, so its spread is not known"
        silent = [str(each.number) for each in leg.rounds if not each.latencies_ms]
        if silent:
            return f"no request was answered in round {', '.join(silent)}"
        if not all(0 < value < np.inf for each in leg.rounds for value in each.latencies_ms):
            return "not all of its latencies are finite and above zero, so the clock was wrong"
        if leg.spread > self.spread_limit:
            return (
                f"too unsteady: its p50 varied by ±{leg.spread:.0%} over {len(leg.rounds)} "
                f"rounds, more than ±{self.spread_limit:.0%}"
            )
        return None


def save(result: Result, path: Path) -> None:
    """Writes it as JSON, whole or not at all."""
    write_whole(path, (result.model_dump_json(indent=1) + "\n").encode())


def load(path: Path) -> Result:
    """Reads what :func:`save` wrote.

    Raises:
        PerfError: there is no such file, or it is not a result.
    """
    try:
        return Result.model_validate_json(read_bounded(path, MAXIMUM_BYTES))
    except (Unreadable, ValidationError) as error:
        if not os.path.lexists(path):
            raise PerfError(
                f"There is no result at {path}. `python -m perf compare PIPELINE` writes one."
            ) from None
        reason = (
            f"{'.'.join(map(str, error.errors()[0]['loc'])) or 'the file'}: "
            f"{error.errors()[0]['msg']}"
            if isinstance(error, ValidationError)
            else str(error)
        )
        raise PerfError(f"{path} is not a result of `python -m perf compare`: {reason}") from None
