"""The OCR pipeline's speed and memory: ``python -m perf.against.rapidocr.speed``.

Four ways to read one page, in one run: RapidOCR in process on its own models and on the same
models with subnormal weights flushed, the pipeline in process with no server, and the ensemble
over gRPC. All of them use two threads. Then throughput, of RapidOCR in process and of the ensemble.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from clients.ocr.printed import Colour, Printed, as_png, print_page
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
from perf.against.rapidocr.readers import rapidocr
from perf.measure.timing import Timing, interleave, ratios
from perf.paths import REPOSITORY, RESULTS

LINES = (
    "Delivery note 2026-0417, warehouse north, gate 12",
    "Dear customer, thank you for your order of 3 November.",
    "The following goods leave our warehouse today:",
    "14 boxes of paper, A4, 80 g, white",
    "3 toner cartridges, black, order number 77-120",
    "1 label printer, serial number QX-88123-B",
    "Weight in all: 212.5 kg on two pallets",
    "Please check the goods on arrival and sign below.",
    "Damage must be reported within 24 hours.",
    "The invoice follows by separate mail.",
    "Payment is due within thirty days, without discount.",
    "Our bank details have not changed.",
    "With kind regards, the dispatch department",
    "Telephone 030 5557 1200, Monday to Friday",
)


def page() -> bytes:
    """A PNG of 1000 x 700 pixels with 14 lines of text."""
    return as_png(letter("white", (20, 20, 20)))


def letter(paper: Colour, ink: Colour) -> Image.Image:
    """A typed letter of 14 lines, 1000 x 700 pixels."""
    lines = (Printed((60, 30 + 47 * row), line, 26, ink) for row, line in enumerate(LINES))
    return print_page((1000, 700), lines, paper)


@dataclass(frozen=True)
class Result:
    """What one run measured; times in seconds, memory in MiB."""

    timings: Mapping[str, Timing]
    per_second: Rates
    errors: int
    memory: Memory

    def ratio(self, numerator: str, denominator: str) -> Timing:
        """One leg's time over another's, round by round."""
        return ratios(self.timings[numerator], self.timings[denominator])

    @property
    def overhead(self) -> float:
        """The ensemble's p50 less the in-process p50, as a share of the in-process p50."""
        return self.timings["ensemble"].median / self.timings["in process"].median - 1

    def throughput(self, name: str, concurrency: int) -> float:
        """Pages a second, the median of the runs."""
        return float(np.median(self.per_second[name][concurrency]))

    @property
    def scaling(self) -> float:
        """The ensemble's throughput at concurrency 4 over that at concurrency 1."""
        return self.throughput("ensemble", 4) / self.throughput("ensemble", 1)

    def gain(self, concurrency: int) -> float:
        """The ensemble's throughput at concurrency 4 over RapidOCR's at another."""
        return self.throughput("ensemble", 4) / self.throughput("rapidocr", concurrency)


def measure(repository: Path, rounds: int, requests: int) -> Result:
    """Runs every leg.

    Args:
        repository: a built repository with the ``ocr`` pipeline.
        rounds: interleaved rounds of each leg.
        requests: requests of each of the five throughput runs, of both and at either concurrency.
    """
    from clients.ocr.client import OcrClient
    from runtime.inprocess import InProcess
    from runtime.server.server import LocalServer

    image = page()
    with tempfile.TemporaryDirectory() as folder, LocalServer(repository) as server:
        process = InProcess(repository)
        inputs = {"image": np.frombuffer(image, np.uint8)}
        stock, flushed = rapidocr(None), rapidocr(Path(folder))
        with OcrClient(server.grpc) as client:
            timings = interleave(
                {
                    "rapidocr": lambda: stock(image),
                    "rapidocr, flushed models": lambda: flushed(image),
                    "in process": lambda: process.run("ocr", inputs),
                    "ensemble": lambda: client.read(image),
                },
                rounds,
                progress=say,
            )
            readers = Pool(lambda: rapidocr(None), max(CONCURRENCIES))

            def read() -> object:
                with readers.one() as reader:
                    return reader(image)

            per_second, errors = rates(
                {"rapidocr": read, "ensemble": lambda: client.read(image)}, requests, say
            )
            return Result(timings, per_second, errors, memory(server.pid))


def table(result: Result) -> str:
    """The result as Markdown, ratios only."""
    rows = ["| leg | p50 against RapidOCR | against RapidOCR, flushed models | spread of the p50 |"]
    rows.append("|---|---|---|---|")
    for name, timing in result.timings.items():
        to_stock = result.ratio(name, "rapidocr")
        to_flushed = result.ratio(name, "rapidocr, flushed models")
        rows.append(
            f"| {name} | {to_stock.median:.2f} | {to_flushed.median:.2f} "
            f"| ±{50 * timing.spread:.0f} % |"
        )
    compared = {
        "its own at concurrency 1": result.scaling,
        f"RapidOCR at concurrency 4, {max(CONCURRENCIES)} readers of {THREADS} threads each": (
            result.gain(4)
        ),
        "RapidOCR at concurrency 1": result.gain(1),
    }
    rows += [
        "",
        f"The ensemble's p50 is {1 + result.overhead:.2f} times that of the run in process. "
        f"{result.errors} requests failed.",
        "",
        "| the ensemble's throughput at concurrency 4, divided by | times |",
        "|---|---|",
        *(f"| {name} | {value:.2f} |" for name, value in compared.items()),
        "",
        *memory_table(result.memory),
    ]
    return "\n".join(rows) + "\n"


def main(
    repository: Repository = REPOSITORY,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds of each leg.")] = 15,
    requests: Annotated[int, typer.Option(help="Requests of each throughput run.")] = 20,
    out: Annotated[Path, typer.Option(help="Folder for ocr.md and ocr.json.")] = RESULTS,
) -> None:
    """Measure the OCR pipeline against RapidOCR in process, and write the figures."""
    result = measure(repository, rounds, requests)
    shown = table(result)
    record = {
        "machine": machine(),
        "seconds": {name: timing.seconds for name, timing in result.timings.items()},
        "pages_per_second": result.per_second,
        "errors": result.errors,
        "memory_mib": result.memory,
    }
    write(out, "ocr", f"{shown}\nMeasured on {machine()}, {rounds} rounds.\n", record)
    typer.echo(shown)


if __name__ == "__main__":
    typer.run(main)
