"""The eye's speed against transformers: ``python -m perf.against.transformers.vision``.

Ways to see one image, in one run, on one checkpoint and two threads: transformers in process (its
image processor, then the model's ``get_image_features``; and on one thread, which suits several at
once better), the kit's pipeline in process with no server, the ensemble over gRPC, and its fused
form. Then throughput, of transformers and of what is served, also with eight requests under way,
which Triton joins to batches. Two eyes: the demo's, of the repository, with one of its scenes; and
one of random weights in the sizes of CLIP's ViT-B/16, built here in a minute, with a photograph:
as it is built by default, one instance on both cores, and with an instance for each core.
"""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml

from perf.against.bench import (
    THREADS,
    Pool,
    Rates,
    Repository,
    machine,
    rates,
    say,
    write,
)
from perf.against.transformers.checkpoint import checkpoint_of
from perf.errors import PerfError
from perf.measure.timing import Timing, interleave, ratios
from perf.paths import REPOSITORY, RESULTS
from repository.children import ending_with_parent
from repository.errors import KitError
from repository.places import ROOT

SCENE = ROOT / "clients" / "examples" / "scenes" / "circles.png"

RELEASE = "24.10"
"""The release of the local server."""

CONCURRENCIES = (1, 4, 8)
"""Eight is the largest batch of the tower's model."""

A_CORE_EACH = {
    name: {"instances": THREADS, "parameters": {"intra_op_thread_count": 1}}
    for name in ("encode", "adapt")
}
"""An instance for each core: more images a second, and each one takes longer."""

LARGE_SHARE = 4
"""The large eye gets so many times fewer requests in a throughput run, as each takes longer."""

BURST = 5
"""Requests of a leg in its turn, of images that are seen in milliseconds."""

REFERENCE = "transformers"
ONE_THREAD = "transformers, one thread"
ENSEMBLE = "ensemble"
FUSED = "fused"
IN_PROCESS = "in process"


@dataclass(frozen=True)
class Result:
    """What one run measured for one eye; times in seconds.

    Attributes:
        timings: leg -> its rounds.
        per_second: images a second.
        errors: of all throughput runs.
        difference: the largest between the served and transformers' ``image_embeds``.
    """

    timings: Mapping[str, Timing]
    per_second: Rates
    errors: int
    difference: float

    def rate(self, leg: str, concurrency: int) -> float:
        """A leg's images a second, the median of its runs."""
        return float(np.median(self.per_second[leg][concurrency]))


def photograph(width: int = 1024, height: int = 768) -> bytes:
    """A JPEG with the detail of a photograph: smooth colours, edges, and a sensor's noise."""
    from PIL import Image

    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (12, 16, 3), np.uint8)
    smooth = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    noisy = np.asarray(smooth) + rng.normal(0, 4, (height, width, 1))
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def seer(checkpoint: Path) -> Callable[[bytes], Any]:
    """transformers, from a file's bytes to the rows that its language model is given.

    Args:
        checkpoint: a LLaVA's folder.
    """
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageTextToText
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = str(checkpoint)
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()

    def see(encoded: bytes) -> Any:
        image = Image.open(io.BytesIO(encoded)).convert("RGB")
        values = processor(images=image, return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            found = model.model.get_image_features(values).pooler_output
        return torch.cat(list(found)).numpy()

    return see


def build(checkpoint: Path, out: Path, models: Mapping[str, Any] | None = None) -> None:
    """Builds a repository with ``vision`` and ``vision_fused``, for the local server.

    Args:
        checkpoint: a folder in Hugging Face format.
        out: the repository.
        models: a profile's settings of models.

    Raises:
        PerfError: a step failed, as the comparison with the checkpoint; the build says which.
    """
    profile = out.with_suffix(".yaml")
    wanted = {
        "triton": RELEASE,
        "device": "cpu",
        "precision": "fp32",
        "fuse": "beside",
        "families": {"vision": {"source": f"path:{checkpoint}"}},
        "models": models or {},
    }
    profile.write_text(yaml.safe_dump(wanted, sort_keys=False), encoding="utf-8")
    command = ["-m", "builders", "build", "--profile", str(profile), "--out", str(out)]
    # What it does stands on standard error.
    built = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        preexec_fn=ending_with_parent(signal.SIGTERM),
    )
    if built.returncode:
        raise PerfError(
            f"{profile}: expected a repository of this profile, found that its build failed, for "
            "the reason that it gave."
        )


def measure(
    repository: Path, encoded: bytes, rounds: int, requests: int, *, burst: int = 1
) -> Result:
    """Runs every leg on one image.

    Args:
        repository: a built repository with the pipeline ``vision`` of a LLaVA.
        encoded: the image's file.
        rounds: interleaved rounds of each leg.
        requests: requests of each throughput run.
        burst: measured runs of a leg in its turn.

    Raises:
        PerfError: the repository has no such pipeline.
    """
    import torch

    from clients.infer.client import ModelClient
    from runtime.inprocess import InProcess
    from runtime.server.server import LocalServer

    checkpoint = checkpoint_of(repository, "vision", "vision")
    inputs = {"image": np.frombuffer(encoded, np.uint8)}
    process = InProcess(repository)
    seers = Pool(lambda: seer(checkpoint), 1)

    def seeing(threads: int) -> Callable[[], Any]:
        def see() -> Any:
            torch.set_num_threads(threads)  # of the calling thread
            with seers.one() as mine:
                return mine(encoded)

        return see

    served = ["vision", *(["vision_fused"] if (repository / "vision_fused").is_dir() else [])]
    with LocalServer(repository, load=served) as server, ModelClient(server.grpc) as client:
        models = {name: client.served(name) for name in served}

        def asking(name: str) -> Callable[[], Any]:
            return lambda: client.infer(models[name], inputs).outputs["image_embeds"]

        legs: dict[str, Callable[[], Any]] = {
            REFERENCE: seeing(THREADS),
            ONE_THREAD: seeing(1),
            IN_PROCESS: lambda: process.run("vision", inputs)["image_embeds"],
            **dict(zip((ENSEMBLE, FUSED), map(asking, served), strict=False)),
        }
        expected = legs[REFERENCE]()
        difference = max(
            float(np.abs(leg() - expected).max()) for name, leg in legs.items() if name != REFERENCE
        )
        timings = interleave(legs, rounds, progress=say, burst=burst)
        loaded = {name: leg for name, leg in legs.items() if name != IN_PROCESS}
        per_second, errors = rates(loaded, requests, say, CONCURRENCIES)
    return Result(timings, per_second, errors, difference)


def table(results: Mapping[str, Result]) -> str:
    """The results as Markdown."""
    rows = [
        "| eye | leg | times faster than transformers | spread |",
        "|---|---|---|---|",
    ]
    for name, result in results.items():
        for leg, timing in result.timings.items():
            ratio = ratios(result.timings[REFERENCE], timing)
            rows.append(f"| {name} | {leg} | {ratio.median:.2f} | ±{50 * ratio.spread:.0f} % |")
    headings = " | ".join(f"at concurrency {each}" for each in CONCURRENCIES)
    rows += [
        "",
        f"| eye | leg | throughput, divided by that of | {headings} |",
        f"|---|---|---|{'---|' * len(CONCURRENCIES)}",
    ]
    rivals = {REFERENCE: f"transformers, {THREADS} threads", ONE_THREAD: ONE_THREAD}
    for name, result in results.items():
        for leg in (ENSEMBLE, FUSED):
            if leg not in result.per_second:
                continue
            for rival, words in rivals.items():
                gains = " | ".join(
                    f"{result.rate(leg, each) / result.rate(rival, each):.2f}"
                    for each in CONCURRENCIES
                )
                rows.append(f"| {name} | {leg} | {words} | {gains} |")
            own = " | ".join(
                f"{result.rate(leg, each) / result.rate(leg, 1):.2f}" for each in CONCURRENCIES
            )
            rows.append(f"| {name} | {leg} | itself, one request at a time | {own} |")
    differences = ", ".join(f"{name} {each.difference:.1e}" for name, each in results.items())
    errors = sum(each.errors for each in results.values())
    rows += [
        "",
        f"Largest difference of any leg's `image_embeds` to transformers': {differences}. "
        f"{errors} requests failed.",
    ]
    return "\n".join(rows) + "\n"


def main(
    repository: Repository = REPOSITORY,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds of each leg.", min=2)] = 15,
    requests: Annotated[int, typer.Option(help="Requests of each throughput run.", min=1)] = 64,
    out: Annotated[Path, typer.Option(help="Folder for vision.md and vision.json.")] = RESULTS,
) -> None:
    """Measure the eyes against transformers in process, and write the figures."""
    from training.vision.random import make

    try:
        results = {
            "the demo's": measure(repository, SCENE.read_bytes(), rounds, 4 * requests, burst=BURST)
        }
        with tempfile.TemporaryDirectory(prefix="vision-") as folder:
            checkpoint, built = Path(folder) / "checkpoint", Path(folder) / "repository"
            say("making a checkpoint of random weights in the sizes of ViT-B/16")
            make(checkpoint)
            build(checkpoint, built)
            fewer = max(1, requests // LARGE_SHARE)
            results["ViT-B/16"] = measure(built, photograph(), rounds, fewer)
            build(checkpoint, built, A_CORE_EACH)
            results["ViT-B/16, a core each"] = measure(built, photograph(), rounds, fewer)
    except (OSError, ValueError, KitError) as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(2) from problem
    shown = table(results)
    record = {
        "machine": machine(),
        "eyes": {
            name: {
                "seconds": {leg: timing.seconds for leg, timing in each.timings.items()},
                "images_per_second": each.per_second,
                "errors": each.errors,
                "difference": each.difference,
            }
            for name, each in results.items()
        },
    }
    write(out, "vision", f"{shown}\nMeasured on {machine()}, {rounds} rounds.\n", record)
    typer.echo(shown)


if __name__ == "__main__":
    typer.run(main)
