"""A result's files: the page, pictures, and raw data."""

from __future__ import annotations

from pathlib import Path

from perf.errors import PerfError
from perf.report import csvs
from perf.report.canvas import png, require
from perf.report.figures.latency import latency, variants
from perf.report.figures.profile import profile, start
from perf.report.figures.throughput import throughput
from perf.report.figures.time import time
from perf.report.page import page
from perf.result import Result, save
from repository.files.whole_file import write_whole

PICTURES = ("latency", "throughput", "time")
"""The drawings that a README may want as PNG."""


def write(result: Result, folder: Path) -> list[Path]:
    """Writes report.html, latency.png, throughput.png, time.png, result.json, legs.csv, rounds.csv.

    Each appears whole or not at all, the raw data first; the same result gives the same bytes.

    Returns:
        What was written, the page first.

    Raises:
        PerfError: the folder cannot be written, or matplotlib is missing; in the latter case the
            raw data are there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save(result, folder / "result.json")
        data = [folder / "result.json"]
        for name, text in (("legs.csv", csvs.legs(result)), ("rounds.csv", csvs.rounds(result))):
            data.append(_whole(folder / name, text.encode("utf-8")))
        require()
        makers = (latency, throughput, time, variants, profile, start)
        drawings = {drawing.name: drawing for drawing in (make(result) for make in makers)}
        pictures = [_whole(folder / f"{each}.png", png(drawings[each])) for each in PICTURES]
        html = _whole(folder / "report.html", page(result, drawings).encode("utf-8"))
    except OSError as error:
        raise PerfError(
            f"The report cannot be written to {folder}: {error.strerror}. Give a folder that you "
            "may write to."
        ) from None
    return [html, *pictures, *data]


def _whole(path: Path, content: bytes) -> Path:
    write_whole(path, content)
    return path
