"""Whisper's speed, from nothing: ``python -m perf.whisper``.

Makes a checkpoint of random weights in the sizes of openai/whisper-base, builds a repository of it,
and measures ``asr_whisper`` as ``perf.asr --whisper`` does, into the same files. Random weights
serve speed alone: every window gets equally many tokens, whatever is said in it. Both sides decode
greedily, and have to generate the same tokens before anything is measured.

Half an hour on two cores, most of it transformers'; the build, some minutes of it, is cached.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from perf.asr import Result, measure, publish, raw, recogniser, request, sounds, told
from perf.bench import RESULTS, Memory, machine

BOUNDS = dict.fromkeys(("whisper_word_error_rate", "whisper_word_error_rate_10_db"), 1000.0)
"""A hundred random words in the place of seven that are said are fourteen errors a word."""


def build(checkpoint: Path, out: Path) -> None:
    """Builds a repository with ``asr_whisper``, for the release that the demo is built for.

    Args:
        checkpoint: a folder of Whisper in Hugging Face format.
        out: the repository.

    Raises:
        BuildError: a step failed, as the comparison with the checkpoint.
    """
    from builders.kit import progress
    from builders.kit.build import build as build_repository
    from builders.kit.profile import FamilyOptions, load_profile

    family = FamilyOptions(sources={"whisper": f"path:{checkpoint}"}, bounds=BOUNDS)
    profile = load_profile("demo").model_copy(update={"families": {"asr": family}, "bls": False})
    shown = progress.choose()
    try:
        build_repository(profile, out, shown)
    finally:
        shown.close()


def tokens(repository: Path, checkpoint: Path, encoded: bytes) -> int:
    """How many tokens are generated for a sound of one window, behind the prompt.

    Args:
        repository: a built repository with ``asr_whisper``.
        checkpoint: what it was built from.
        encoded: a sound file of at most a window.

    Raises:
        ValueError: the pipeline and transformers do not generate the same.
    """
    from builders.kit.family import Arrays
    from builders.kit.inprocess import InProcess

    windows: list[Arrays] = []

    def observe(model: str, inputs: Arrays) -> None:
        if model == "whisper":
            windows.append(inputs)

    process = InProcess(repository, observe=observe)
    process.run("asr_whisper", request(encoded, told(checkpoint)))
    ours = []
    for window in tuple(windows):
        answer = process.run("whisper", window)
        ours += answer["tokens"][0, : int(answer["lengths"][0, 0])].tolist()
    recognise = recogniser(checkpoint)
    (prepared,) = recognise.preprocess(raw(encoded))
    options = {"return_timestamps": True, "num_beams": 1, **told(checkpoint)}
    made = recognise.forward(prepared, **options)
    theirs = made["tokens"].reshape(-1).tolist()
    if ours != theirs:
        equal = sum(map(int.__eq__, ours, theirs))
        raise ValueError(
            f"expected the {len(theirs)} tokens of transformers, found {len(ours)}, of which "
            f"{equal} are those in their place. Unequal work is not compared: look at the parity "
            "of the export 'whisper'."
        )
    return len(ours)


def measure_random(
    folder: Path, rounds: int, requests: int
) -> tuple[dict[str, Result], Memory, dict[str, int]]:
    """Makes a checkpoint and a repository of it, and measures that.

    Args:
        folder: where both are written.
        rounds: interleaved rounds of each leg.
        requests: requests of each throughput run.

    Returns:
        The results by sound, the memory, and how many tokens each sound has.

    Raises:
        BuildError: the repository cannot be built.
        ValueError: the pipeline and transformers do not generate the same tokens.
    """
    from training.asr.whisper_random import make

    checkpoint, repository = folder / "checkpoint", folder / "model_repository"
    _say("making a checkpoint of random weights")
    make(checkpoint)
    build(checkpoint, repository)
    generated = {}
    for name, encoded in sounds(lecture=False).items():
        generated[name] = tokens(repository, checkpoint, encoded)
        _say(f"{name}: {generated[name]} tokens, the same from both")
    return *measure(repository, rounds, requests, whisper=True), generated


def closing(generated: Mapping[str, int], rounds: int) -> str:
    """The paragraph under the table: what was measured."""
    counts = " and ".join(f"{count} for the {name}" for name, count in generated.items())
    return (
        f"Measured on {machine()}, {rounds} rounds, with random weights in the sizes of "
        "openai/whisper-base. All decode greedily; the pipeline and transformers generated the "
        f"same tokens, {counts}."
    )


def main(
    rounds: Annotated[int, typer.Option(help="Interleaved rounds of each leg.", min=2)] = 5,
    requests: Annotated[int, typer.Option(help="Requests of each throughput run.", min=1)] = 8,
    out: Annotated[Path, typer.Option(help="Folder for asr_whisper.md and .json.")] = RESULTS,
) -> None:
    """Measure Whisper of random weights against transformers in process, from nothing."""
    from builders.kit.build import BuildError

    with tempfile.TemporaryDirectory(prefix="whisper-") as folder:
        try:
            results, used, generated = measure_random(Path(folder), rounds, requests)
        except (OSError, ValueError, BuildError) as problem:
            typer.echo(f"error: {problem}", err=True)
            raise typer.Exit(2) from problem
    publish(out / "asr_whisper", results, used, closing(generated, rounds), tokens=generated)


def _say(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    typer.run(main)
