"""The real perf_analyzer as a function: requests and a load in, a sample out."""

from __future__ import annotations

import contextlib
import fcntl
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from perf.errors import LegFailed, PerfError
from perf.measure.analyzer import export, input_data, process
from perf.measure.analyzer.input_data import Request
from perf.measure.analyzer.model import Model, describe
from perf.measure.endpoint import Endpoint
from perf.measure.loader import Sample, arrivals
from perf.measure.regions import content_of
from perf.result import Load

_INPUTS, _INTERVALS, _EXPORT = "inputs.json", "intervals.txt", "export.json"
"""Bare names, in its working folder: perf_analyzer loses files that it should write elsewhere."""

_ROOM = 2
"""The room for an output in shared memory, as a multiple of the largest that was seen."""

_REPEATS = 2
"""Runs that may stall, or give an empty export, before one counts as failed."""

_LEAST_ROOM = 4096
"""Bytes; an output may have been empty when it was seen."""


@dataclass(frozen=True)
class Analyzer:
    """A perf_analyzer that runs here.

    Attributes:
        path: the command.
        version: what it prints, for instance ``2.51.0``.
        origin: where it came from, in a few words for the report.
        libraries: a folder of shared libraries that it needs, None if the system has them.
    """

    path: Path
    version: str
    origin: str
    libraries: Path | None = None

    def run(
        self,
        *,
        model: str,
        address: str,
        protocol: Literal["grpc", "http"] = "grpc",
        requests: Sequence[Request],
        load: Load,
        count: int,
        warmup: int,
        shared_memory: Literal["none", "system"] = "none",
        seed: int = 0,
        timeout_seconds: float,
    ) -> Sample:
        """Measures one load.

        The request rate is driven by ``--request-intervals`` with the arrival times that
        :func:`perf.measure.loader.arrivals` gives for the seed, one thread and ``--async``: its own
        ``--request-distribution poisson`` has one seed for ever, wants as many requests as the
        rate, and lets its threads, each waiting for an answer, hold up what is due. Its export
        counts a latency from sending; since the times are known here, it is counted from when the
        request was due, as the loader does (coordinated omission).

        At a concurrency, each request is sent by a thread that waits for its answer. A request
        that fails ends perf_analyzer's run, and so the leg. A decoupled model is asked by
        ``--streaming``, over gRPC alone; a latency is to the last piece of an answer.

        Args:
            model: its name.
            address: ``host:port`` of the server, for the protocol.
            protocol: how.
            requests: sent one after the other, over and over; inputs may differ from one to the
                next, where they are optional.
            load: how requests arrive.
            count: measured requests, exactly; no fewer than the concurrency.
            warmup: requests before them. At a concurrency at least so many are sent: with fewer
                (but not with none) perf_analyzer's idle threads never end.
            shared_memory: ``system`` for inputs and outputs, on the server's own machine, and
                with every input given.
            seed: of the arrival times.
            timeout_seconds: for all of it, perf_analyzer's start and export included.

        Returns:
            the latencies of the measured requests, in the order in which they were sent; the
            seconds from the first one sent to the last answer; no errors.

        Raises:
            LegFailed: with one sentence: what was asked makes no sense, the server is not there,
                a request failed, or perf_analyzer crashed or did not end.
        """
        _check(load, count, warmup)
        described = describe(address, model, protocol)
        with tempfile.TemporaryDirectory(prefix="perf_analyzer-") as name:
            folder = Path(name)
            batch = input_data.write(requests, described, folder / _INPUTS)
            command = [str(self.path), "-m", model, "-u", address, "-i", protocol]
            command += ["-b", str(batch), "--input-data", _INPUTS, "--request-count", str(count)]
            command += ["--profile-export-file", _EXPORT]
            regions: list[str] = []
            if shared_memory == "system":
                room = _output_room(described, address, requests, protocol)
                command += ["--shared-memory", "system", "--output-shared-memory-size", str(room)]
                regions = _regions(described, len(requests) * batch)
            if described.decoupled:
                command += ["--streaming"]
            due = None
            if load.kind == "concurrency":
                concurrency = int(load.value)
                warmup = max(warmup, concurrency) if warmup else 0
                command += ["--concurrency-range", str(concurrency)]
            else:
                due = _write_intervals(load.value, max(count, warmup), seed, folder / _INTERVALS)
                command += ["--request-intervals", _INTERVALS, "--max-threads", "1"]
                # It takes one of the two; a stream waits for no answer either.
                command += [] if described.decoupled else ["--async"]
            command += ["--warmup-request-count", str(warmup)]
            measure = partial(
                process.run,
                command,
                folder,
                variables=process.variables(self.libraries, address),
                regions=regions,
                timeout_seconds=timeout_seconds,
            )
            with self._alone() if regions else contextlib.nullcontext():
                answered = measured(measure, folder / _EXPORT)
        if len(answered) != count:
            raise LegFailed(
                f"perf_analyzer's export has {len(answered)} requests, expected {count}; the rest "
                "were not answered, and it does not say why: see the server's log"
            )
        return _sample(answered, None if due is None else due[:count])

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One run with shared memory at a time: its regions have the names of the tensors."""
        with self.path.open("rb") as binary:
            fcntl.flock(binary, fcntl.LOCK_EX)
            yield


def measured(measure: Callable[[], None], path: Path) -> list[export.Timestamps]:
    """Measures, and reads the export of a run; tries again if perf_analyzer itself failed.

    It may stall (:data:`perf.measure.analyzer.guard.STALL_SECONDS`), and 2.51 exports outputs that
    lie in shared memory from memory that it never wrote: once in some 20 runs it finds a NaN there,
    and the export is empty.
    """
    for _ in range(_REPEATS):
        with contextlib.suppress(export.EmptyExport, process.Stalled):
            measure()
            return export.read(path)
        path.unlink(missing_ok=True)
    measure()
    return export.read(path)


def _check(load: Load, count: int, warmup: int) -> None:
    if load.kind == "concurrency" and load.value != int(load.value):
        raise LegFailed(f"concurrency is {load.value:g}, expected a whole number")
    least = int(load.value) if load.kind == "concurrency" else 1
    if count < least:
        raise LegFailed(f"{count} requests cannot be measured at {load}; expected at least {least}")
    if warmup < 0:
        raise LegFailed(f"the warm-up is {warmup} requests, expected 0 or more")


def _write_intervals(rate: float, count: int, seed: int, path: Path) -> np.ndarray:
    """Writes the time between arrivals, in whole microseconds, as perf_analyzer wants it.

    Returns:
        int64 [count], nanoseconds: when each request is due after the start.
    """
    gaps = np.diff(arrivals(rate, count, seed), prepend=0.0)
    microseconds = np.maximum(1, np.rint(gaps * 1e6)).astype(np.int64)
    path.write_text("".join(f"{gap}\n" for gap in microseconds))
    return np.cumsum(microseconds) * 1000


def _sample(answered: Sequence[export.Timestamps], due: np.ndarray | None) -> Sample:
    """The latencies of requests that are in the order of sending.

    Args:
        answered: at least one.
        due: nanoseconds at which each was due, counted from a start that the export does not
            tell: at the latest, from so long before each request was sent.
    """
    sent = np.array([each.sent for each in answered], dtype=np.int64)
    ended = np.array([each.answered for each in answered], dtype=np.int64)
    counted_from = sent if due is None else due + np.min(sent - due)
    return Sample(
        latencies_ms=tuple(((ended - counted_from) / 1e6).tolist()),
        seconds=float((ended.max() - sent.min()) / 1e9),
    )


def _output_room(
    model: Model, address: str, requests: Sequence[Request], protocol: Literal["grpc", "http"]
) -> int:
    """Bytes for the largest output, learnt from one answer to each request."""
    if missing := input_data.left_out(requests, model):
        raise LegFailed(
            "perf_analyzer takes system shared memory only where every request has every input, "
            f"and '{model.name}' also has {', '.join(missing)}; give a value, or no shared memory"
        )
    largest = _LEAST_ROOM
    try:
        with Endpoint(address, model.name, requests, protocol=protocol) as endpoint:
            for number in range(len(requests)):
                for output in endpoint.outputs(number).values():
                    largest = max(largest, math.ceil(_ROOM * len(content_of(output))))
    except PerfError as problem:
        raise LegFailed(str(problem)) from problem
    return largest


def _regions(model: Model, entries: int) -> list[str]:
    """The names of the shared memory that it makes (its ``infer_data_manager_shm.cc``)."""
    plain = str.maketrans("", "", "/\\")
    return [name.translate(plain) for name in model.outputs] + [
        f"{name.translate(plain)}_0_{entry}" for name in model.inputs for entry in range(entries)
    ]
