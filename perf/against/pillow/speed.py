"""The speed of preprocessing a photo: ``python -m perf.against.pillow.speed``.

A photo of 12 megapixels, of noise and soft shapes, as a JPEG. Its pixels, and its file, become what
the tower takes: by the served stages, in this process, and by the same operations written in Pillow
and numpy (:mod:`operations`), in turns.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from perf.against.bench import Repository, machine, say, write
from perf.against.pillow.operations import prepared
from perf.errors import PerfError
from perf.measure.timing import Leg, Timing, interleave, ratios
from perf.paths import REPOSITORY, RESULTS
from repository.errors import KitError
from repository.files.json_file import read_object
from repository.layout import VERSION

WIDTH, HEIGHT = 4000, 3000

PIXELS, FILE = "from its pixels", "from its file"

MOST = 0.02
"""How far the two may be apart, of about 2: Pillow alone rounds once less."""

Result = Mapping[str, Mapping[str, Timing]]
"""What the photo is read from -> "stages" and "Pillow" -> seconds."""


def photo(seed: int = 0) -> bytes:
    """A JPEG of 12 megapixels."""
    draw = np.random.default_rng(seed)
    shapes = Image.fromarray(draw.integers(0, 256, (60, 80, 3)).astype(np.uint8))
    soft = np.asarray(shapes.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16)
    noise = draw.integers(-12, 13, (HEIGHT, WIDTH, 1), np.int16)
    file = io.BytesIO()
    pixels = np.clip(soft + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(repository: Path, rounds: int) -> Result:
    """Runs every leg.

    Args:
        repository: a built repository with the pipeline ``vision``.
        rounds: of each leg.

    Raises:
        PerfError: it has none of one size, or the two ways give different numbers.
    """
    from runtime.inprocess import InProcess

    place = repository / "preprocess" / VERSION / "processor.json"
    if not place.is_file():
        raise PerfError(
            f"{repository}: expected the model 'preprocess', with processor.json, found none. "
            "Build a profile that has the family vision."
        )
    settings = read_object(place)
    process = InProcess(repository)
    encoded = photo()
    image = np.frombuffer(encoded, np.uint8)
    pixels = process.run("decode_rgb", {"image": image})["pixels"]

    def whole() -> np.ndarray:
        found = process.run("decode_rgb", {"image": image})["pixels"]
        return process.run("preprocess", {"pixels": found})["pixel_values"]

    def opened() -> Image.Image:
        return Image.open(io.BytesIO(encoded)).convert("RGB")

    apart = float(np.abs(whole() - prepared(opened(), settings)).max())
    if apart > MOST:
        raise PerfError(
            f"{repository}: expected the stages to give what the same operations in Pillow do, "
            f"found {apart:.3f} between them. Measure no speed before that is mended."
        )
    legs: dict[str, dict[str, Leg]] = {
        PIXELS: {
            "stages": lambda: process.run("preprocess", {"pixels": pixels}),
            "Pillow": lambda: prepared(Image.fromarray(pixels), settings),
        },
        FILE: {"stages": whole, "Pillow": lambda: prepared(opened(), settings)},
    }
    return {name: interleave(each, rounds, progress=say) for name, each in legs.items()}


def table(found: Result) -> str:
    """The results as Markdown."""
    rows = ["| a photo of 12 megapixels | time, divided by Pillow's | spread |", "|---|---|---|"]
    for name, legs in found.items():
        ratio = ratios(legs["stages"], legs["Pillow"])
        rows.append(f"| {name} | {ratio.median:.2f} | ±{50 * ratio.spread:.0f} % |")
    return "\n".join(rows) + "\n"


def main(
    repository: Repository = REPOSITORY,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds of each leg.", min=2)] = 25,
    out: Annotated[Path, typer.Option(help="Folder for preprocess.md and .json.")] = RESULTS,
) -> None:
    """Measure the preprocessing of a photo against Pillow alone, and write the figures."""
    try:
        found = measure(repository, rounds)
    except (OSError, ValueError, KitError) as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(2) from problem
    shown = table(found)
    seconds = {
        name: {leg: timing.seconds for leg, timing in legs.items()} for name, legs in found.items()
    }
    how = f"Measured on {machine()}, {rounds} rounds."
    write(out, "preprocess", f"{shown}\n{how}\n", {"machine": machine(), "seconds": seconds})
    typer.echo(shown)


if __name__ == "__main__":
    typer.run(main)
