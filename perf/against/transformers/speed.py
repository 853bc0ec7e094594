"""The speech pipelines' speed and memory: ``python -m perf.against.transformers.speed``.

Ways to read one sound, in one run, on one checkpoint and two threads: transformers' own pipeline in
process (and on one thread, which suits several at once better), the kit's pipeline in process with
no server, and the ensemble over gRPC. Then throughput, of transformers and of the ensemble. A
command of three seconds, a talk of twenty with pauses, and a lecture of two minutes. The checkpoint
is the one that the repository's manifest names.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from perf.against.bench import (
    CONCURRENCIES,
    THREADS,
    Memory,
    Pool,
    Rates,
    Repository,
    machine,
    memory,
    memory_table,
    rates,
    say,
    write,
)
from perf.against.transformers.checkpoint import checkpoint_of
from perf.against.transformers.rival import reader, told
from perf.errors import PerfError
from perf.measure.timing import Timing, interleave, ratios
from perf.paths import REPOSITORY, RESULTS
from repository.errors import KitError
from repository.places import ROOT

TALK = ROOT / "clients" / "examples" / "talk.wav"
COMMAND = ROOT / "builders" / "asr" / "requests" / "command.flac"
"""Both at 16 kHz: transformers would need torchaudio to convert another rate."""

TALKS = 6
"""In a lecture, with a second between them."""

BURST = 5
"""Requests of a leg in its turn, of sounds that are read in milliseconds."""

FEWEST = 8
"""Requests of a throughput run of a long sound: twice as many as are under way at once."""

REFERENCE = "transformers"
ONE_THREAD = "transformers, one thread"
ENSEMBLE = "ensemble"
INT8 = "ensemble, int8"


@dataclass(frozen=True)
class Result:
    """What one run measured for one sound; times in seconds.

    Attributes:
        sound: how long the sound is.
        timings: leg -> its rounds.
        per_second: answers a second.
        errors: of all throughput runs.
    """

    sound: float
    timings: Mapping[str, Timing]
    per_second: Rates
    errors: int

    def ratio(self, leg: str) -> Timing:
        """How many times faster than transformers a leg answers, round by round."""
        return ratios(self.timings[REFERENCE], self.timings[leg])

    def factor(self, leg: str) -> float:
        """The real-time factor: the p50 over the sound's own length."""
        return self.timings[leg].median / self.sound

    @property
    def overhead(self) -> float:
        """The ensemble's p50 less the in-process p50, as a share of the in-process p50."""
        return ratios(self.timings[ENSEMBLE], self.timings["in process"]).median - 1

    def gain(self, concurrency: int, over: str = REFERENCE, leg: str = ENSEMBLE) -> float:
        """A leg's throughput over another leg's at the same concurrency."""
        ours, theirs = (
            float(np.median(self.per_second[each][concurrency])) for each in (leg, over)
        )
        return ours / theirs


def measure(
    repository: Path,
    rounds: int,
    requests: int,
    *,
    whisper: bool = False,
    int8: Path | None = None,
) -> tuple[dict[str, Result], Memory]:
    """Runs every leg on every sound.

    Args:
        repository: a built repository with the ``asr`` pipeline.
        rounds: interleaved rounds of each leg.
        requests: requests of each throughput run.
        whisper: measure ``asr_whisper`` instead.
        int8: a repository of the same checkpoint in int8, whose ensemble is measured too.

    Raises:
        PerfError: a repository has no such pipeline, or the two are not of one checkpoint.
    """
    from clients.asr.client import AsrClient
    from runtime.inprocess import InProcess
    from runtime.server.server import LocalServer

    pipeline = "asr_whisper" if whisper else "asr"
    component = "whisper" if whisper else "parakeet"
    checkpoint = checkpoint_of(repository, pipeline, component)
    served = {ENSEMBLE: repository}
    if int8 is not None:
        served[INT8] = int8
        if (other := checkpoint_of(int8, pipeline, component)) != checkpoint:
            raise PerfError(
                f"{int8}: expected the checkpoint {checkpoint}, found {other}. "
                "Build both repositories from one checkpoint."
            )
    results = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(LocalServer(each)) for name, each in served.items()}
        clients = {
            name: stack.enter_context(AsrClient(each.grpc, model=pipeline))
            for name, each in servers.items()
        }
        process = InProcess(repository)
        readers = Pool(lambda: reader(checkpoint, long=whisper), max(CONCURRENCIES))
        options = told(checkpoint) if whisper else {}
        for name, encoded in sounds(lecture=not whisper).items():
            results[name] = _one(
                encoded,
                {
                    REFERENCE: _reading(readers, encoded, THREADS),
                    ONE_THREAD: _reading(readers, encoded, 1),
                    "in process": _running(process, pipeline, request(encoded, options)),
                    **{
                        name: _calling(client, encoded, options) for name, client in clients.items()
                    },
                },
                rounds,
                requests,
                burst=1 if whisper else BURST,
            )
        return results, memory(servers[ENSEMBLE].pid)


def sounds(*, lecture: bool = True) -> dict[str, bytes]:
    """The files that are read, by name; the lecture is left out where it would take minutes."""
    import soundfile

    found = {"command": COMMAND.read_bytes(), "talk": TALK.read_bytes()}
    if lecture:
        samples, rate = soundfile.read(TALK, dtype="int16")
        pause = np.zeros(rate, np.int16)
        file = io.BytesIO()
        whole = np.concatenate([part for _ in range(TALKS) for part in (samples, pause)])
        soundfile.write(file, whole, rate, format="WAV", subtype="PCM_16")
        found["lecture"] = file.getvalue()
    return found


def request(encoded: bytes, options: Mapping[str, str]) -> dict[str, Any]:
    """The pipeline's inputs for a sound file and its options."""
    given = {name: np.array([value.encode()], np.object_) for name, value in options.items()}
    return {"audio": np.frombuffer(encoded, np.uint8), **given}


def _one(
    encoded: bytes,
    legs: Mapping[str, Callable[[], object]],
    rounds: int,
    requests: int,
    *,
    burst: int,
) -> Result:
    import soundfile

    duration = soundfile.info(io.BytesIO(encoded)).duration
    share = min(1.0, soundfile.info(TALK).duration / duration)
    timings = interleave(legs, rounds, progress=say, burst=burst if share == 1 else 1)
    loaded = {name: leg for name, leg in legs.items() if name != "in process"}
    fewest = min(requests, FEWEST)
    per_second, errors = rates(loaded, max(fewest, round(share * requests)), say)
    return Result(duration, timings, per_second, errors)


def _reading(
    readers: Pool[Callable[[bytes], object]], encoded: bytes, threads: int
) -> Callable[[], object]:
    import torch

    def read() -> object:
        torch.set_num_threads(threads)  # of the calling thread
        with readers.one() as mine:
            return mine(encoded)

    return read


def _running(process: Any, pipeline: str, inputs: Mapping[str, Any]) -> Callable[[], object]:
    return lambda: process.run(pipeline, inputs)


def _calling(client: Any, encoded: bytes, options: Mapping[str, str]) -> Callable[[], object]:
    return lambda: client.transcribe(encoded, **options)


def table(results: Mapping[str, Result], used: Memory) -> str:
    """The results as Markdown: ratios and real-time factors."""
    rows = [
        "| sound | leg | times faster than transformers | spread | real-time factor |",
        "|---|---|---|---|---|",
    ]
    for name, result in results.items():
        for leg in result.timings:
            ratio = result.ratio(leg)
            rows.append(
                f"| {name}, {result.sound:.0f} s | {leg} | {ratio.median:.2f} "
                f"| ±{50 * ratio.spread:.0f} % | {result.factor(leg):.4f} |"
            )
    rows += ["", *_throughputs(results), "", *memory_table(used)]
    return "\n".join(rows) + "\n"


def _throughputs(results: Mapping[str, Result]) -> list[str]:
    """The ensembles' throughput against transformers' at the same concurrency, in Markdown."""
    overheads = ", ".join(f"{name} {1 + each.overhead:.2f}" for name, each in results.items())
    errors = sum(each.errors for each in results.values())
    rows = [
        f"The ensemble's p50, divided by that of the run in process: {overheads}. "
        f"{errors} requests failed.",
        "",
        "| sound | leg | throughput, divided by that of "
        f"| {' | '.join(f'at concurrency {each}' for each in CONCURRENCIES)} |",
        f"|---|---|---|{'---|' * len(CONCURRENCIES)}",
    ]
    rivals = {REFERENCE: f"transformers, {THREADS} threads", ONE_THREAD: ONE_THREAD}
    for name, result in results.items():
        for leg, rival in ((ENSEMBLE, REFERENCE), (ENSEMBLE, ONE_THREAD), (INT8, REFERENCE)):
            if leg in result.per_second:
                gains = (f"{result.gain(each, rival, leg):.2f}" for each in CONCURRENCIES)
                rows.append(f"| {name} | {leg} | {rivals[rival]} | {' | '.join(gains)} |")
    return rows


def main(
    repository: Repository = REPOSITORY,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds of each leg.", min=2)] = 15,
    requests: Annotated[int, typer.Option(help="Requests of each throughput run.", min=1)] = 20,
    whisper: Annotated[bool, typer.Option(help="Measure asr_whisper.")] = False,
    int8: Annotated[
        Path | None, typer.Option(help="A repository of the same in int8, measured too.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for asr.md and asr.json.")] = RESULTS,
) -> None:
    """Measure the speech pipeline against transformers in process, and write the figures."""
    try:
        results, used = measure(repository, rounds, requests, whisper=whisper, int8=int8)
    except (OSError, ValueError, KitError) as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(2) from problem
    name = "asr_whisper" if whisper else "asr"
    publish(out, name, results, used, f"Measured on {machine()}, {rounds} rounds.")


def publish(
    out: Path, name: str, results: Mapping[str, Result], used: Memory, how: str, **facts: object
) -> None:
    """Prints the table, and writes it and the raw figures.

    Args:
        out: the folder.
        name: of the two files, without ``.md`` and ``.json``.
        results: what :func:`measure` found.
        used: the memory, likewise.
        how: a closing paragraph.
        facts: more for the JSON.
    """
    shown = table(results, used)
    record = {
        "machine": machine(),
        **facts,
        "memory_mib": used,
        "sounds": {
            sound: {
                "duration_seconds": result.sound,
                "seconds": {leg: timing.seconds for leg, timing in result.timings.items()},
                "sounds_per_second": result.per_second,
                "errors": result.errors,
            }
            for sound, result in results.items()
        },
    }
    write(out, name, f"{shown}\n{how}\n", record)
    typer.echo(shown)


if __name__ == "__main__":
    typer.run(main)
