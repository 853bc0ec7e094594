"""Whisper's speed, from nothing: ``python -m perf.against.transformers.whisper``.

Makes a checkpoint of random weights in the sizes of openai/whisper-base, builds repositories of it
in fp32 and in int8, and measures ``asr_whisper`` of both into the files of
``perf.against.transformers.speed --whisper``. Random weights serve speed alone: every window gets
equally many tokens, whatever is said in it. All decode greedily. Before anything is measured, the
pipeline in fp32 and transformers have to generate the same tokens, and the one in int8 as many.

Half an hour on two cores, most of it transformers'; the builds, some minutes of it, are cached.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
import yaml

from perf.against.bench import Memory, machine, say
from perf.against.transformers.rival import raw, recogniser, told
from perf.against.transformers.speed import Result, measure, publish, request, sounds
from perf.errors import PerfError
from perf.paths import RESULTS
from repository.children import ending_with_parent
from repository.errors import KitError
from repository.places import ROOT

RELEASE = "24.10"
"""The release of the local server."""

BOUNDS = dict.fromkeys(("whisper_word_error_rate", "whisper_word_error_rate_10_db"), 1000.0)
"""A hundred random words in the place of seven that are said are fourteen errors a word."""


@dataclass(frozen=True)
class Counted:
    """What was generated for a sound.

    Attributes:
        tokens: how many, behind the prompt, by transformers, in fp32 and in int8.
        equal_in_int8: how many of those in int8 are transformers' in their place.
    """

    tokens: int
    equal_in_int8: int


def build(checkpoint: Path, out: Path, precision: Literal["fp32", "int8"] = "fp32") -> None:
    """Builds a repository with ``asr_whisper``, for the local server.

    Args:
        checkpoint: a folder of Whisper in Hugging Face format.
        out: the repository.
        precision: of the model.

    Raises:
        PerfError: a step failed, as the comparison with the checkpoint; the build says which.
    """
    profile = out.with_suffix(".yaml")
    family = {"sources": {"whisper": f"path:{checkpoint}"}, "bounds": BOUNDS}
    wanted = {
        "triton": RELEASE,
        "device": "cpu",
        "precision": "fp32",
        "bls": False,
        "families": {"asr": family},
        "models": {"whisper": {"precision": precision}},
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


def tokens(repository: Path, options: Mapping[str, str], encoded: bytes) -> list[int]:
    """The tokens that ``asr_whisper`` generates for a sound, behind the prompt of each window.

    Args:
        repository: a built repository with ``asr_whisper``.
        options: the inputs beside the sound.
        encoded: a sound file.
    """
    from repository.arrays import Arrays
    from runtime.inprocess import InProcess

    windows: list[Arrays] = []

    def observe(model: str, inputs: Arrays) -> None:
        if model == "whisper":
            windows.append(inputs)

    process = InProcess(repository, observe=observe)
    process.run("asr_whisper", request(encoded, options))
    made: list[int] = []
    for window in tuple(windows):
        answer = process.run("whisper", window)
        made += answer["tokens"][0, : int(answer["lengths"][0, 0])].tolist()
    return made


def expected_tokens(checkpoint: Path, options: Mapping[str, str], encoded: bytes) -> list[int]:
    """The tokens that transformers generates for a sound of one window, behind the prompt."""
    recognise = recogniser(checkpoint)
    (prepared,) = recognise.preprocess(raw(encoded))
    made = recognise.forward(prepared, return_timestamps=True, num_beams=1, **options)
    found: list[int] = made["tokens"].reshape(-1).tolist()
    return found


def compared(theirs: Sequence[int], ours: Sequence[int], in_int8: Sequence[int]) -> Counted:
    """The counts of equal work.

    Raises:
        PerfError: the fp32 tokens are not transformers', or those in int8 not as many.
    """
    equal = sum(map(int.__eq__, in_int8, theirs))
    if list(ours) == list(theirs) and len(in_int8) == len(theirs):
        return Counted(len(theirs), equal)
    same = sum(map(int.__eq__, ours, theirs))
    raise PerfError(
        f"expected the {len(theirs)} tokens of transformers, and as many in int8, found "
        f"{len(ours)}, of which {same} are those in their place, and {len(in_int8)} in int8. "
        "Unequal work is not compared: look at the parity of 'whisper' and 'whisper.int8'."
    )


def measure_random(
    folder: Path, rounds: int, requests: int
) -> tuple[dict[str, Result], Memory, dict[str, Counted]]:
    """Makes a checkpoint and repositories of it in fp32 and int8, and measures those.

    Args:
        folder: where all are written.
        rounds: interleaved rounds of each leg.
        requests: requests of each throughput run.

    Returns:
        The results by sound, the memory, and how many tokens each sound has.

    Raises:
        PerfError: a repository cannot be built, or the pipelines and transformers do unequal
            work, see :func:`compared`.
    """
    from training.asr.whisper.random import make

    checkpoint = folder / "checkpoint"
    fp32, int8 = folder / "fp32", folder / "int8"
    say("making a checkpoint of random weights")
    make(checkpoint)
    build(checkpoint, fp32)
    build(checkpoint, int8, "int8")
    options = told(checkpoint)
    generated = {}
    for name, encoded in sounds(lecture=False).items():
        generated[name] = compared(
            expected_tokens(checkpoint, options, encoded),
            *(tokens(each, options, encoded) for each in (fp32, int8)),
        )
        say(f"{name}: {generated[name].tokens} tokens from each")
    return *measure(fp32, rounds, requests, whisper=True, int8=int8), generated


def closing(generated: Mapping[str, Counted], rounds: int) -> str:
    """The paragraph under the table: what was measured."""
    counts = " and ".join(f"{each.tokens} for the {name}" for name, each in generated.items())
    equal = " and ".join(str(each.equal_in_int8) for each in generated.values())
    return (
        f"Measured on {machine()}, {rounds} rounds, with random weights in the sizes of "
        "openai/whisper-base. All decode greedily; the pipeline in fp32 and transformers generated "
        f"the same tokens, {counts}. In int8 there were as many, {equal} of them the same in their "
        "place: among random weights' tokens, many are nearly as probable as the best."
    )


def main(
    rounds: Annotated[int, typer.Option(help="Interleaved rounds of each leg.", min=2)] = 5,
    requests: Annotated[int, typer.Option(help="Requests of each throughput run.", min=1)] = 8,
    out: Annotated[Path, typer.Option(help="Folder for asr_whisper.md and .json.")] = RESULTS,
) -> None:
    """Measure Whisper of random weights against transformers in process, from nothing."""
    with tempfile.TemporaryDirectory(prefix="whisper-") as folder:
        try:
            results, used, generated = measure_random(Path(folder), rounds, requests)
        except (OSError, ValueError, KitError) as problem:
            typer.echo(f"error: {problem}", err=True)
            raise typer.Exit(2) from problem
    counts = {name: asdict(each) for name, each in generated.items()}
    publish(out, "asr_whisper", results, used, closing(generated, rounds), generated=counts)


if __name__ == "__main__":
    typer.run(main)
