"""The steps from nothing to the shipped checkpoint, each a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.command_line import Seed, commands

app = commands(__doc__)

SEED = 20261
"""Of everything that is shipped."""

ITEMS = 30_000
"""Recordings in the training corpus, some 40 hours."""

STEPS, AGAIN = 8_500, 3_000
"""Five rounds over a growing part of it, and one over all."""

Workers = Annotated[int, typer.Option(help="Processes that synthesise.")]


@app.command()
def corpus(out: Path, seed: Seed = SEED, items: int = ITEMS, workers: Workers = 2) -> None:
    """Synthesise the training speech into OUT, as features. Goes on where it was cut off."""
    from training.asr.learning import align, corpus
    from training.asr.learning.batches import ALIGNED_ROUNDS, GROWTH

    corpus.write(out, seed=seed, count=items, workers=workers)
    align.write(out, seed=seed, count=min(items, ALIGNED_ROUNDS * GROWTH), workers=workers)


@app.command()
def train(
    corpus: Path,
    out: Path,
    seed: Seed = SEED,
    items: int = ITEMS,
    steps: int = STEPS,
    again: int = AGAIN,
    until: Annotated[int, typer.Option(help="Stop at this step; 0 is the last.")] = 0,
    threads: int = 1,
) -> None:
    """Train on CORPUS, or go on; the run's state is in OUT. Prints the weights' SHA-256."""
    from training.asr.learning import train

    until = until or steps + again
    print(
        train.train(
            corpus,
            out,
            seed=seed,
            count=items,
            steps=steps,
            again=again,
            until=until,
            threads=threads,
        )
    )


@app.command()
def publish(
    run: Path,
    corpus: Path,
    out: Path,
    seed: Seed = SEED,
    items: int = ITEMS,
    steps: int = STEPS,
    again: int = AGAIN,
    utterances: Annotated[int, typer.Option(help="Held-out utterances to measure on.")] = 600,
) -> None:
    """Measure the RUN's weights and write them to OUT as a checkpoint with its model card."""
    from training.asr.publish import checkpoint

    checkpoint.publish(
        run,
        corpus,
        out,
        seed=seed,
        items=items,
        steps=steps,
        again=again,
        count=utterances,
    )


@app.command()
def sounds(
    evaluation: Path = Path("builders/asr/evaluation"),
    examples: Path = Path("clients/examples"),
    seed: Seed = SEED,
) -> None:
    """Write the shipped evaluation set and the example sounds."""
    from training.asr.publish import sounds

    sounds.write_evaluation(evaluation, seed + 2)
    sounds.write_examples(examples)


@app.command()
def recordings(
    repository: Path = Path("model_repository"), out: Path = Path("builders/asr/demo/parakeet")
) -> None:
    """Measure other kinds of recordings with a built REPOSITORY, and write them into OUT's card."""
    from training.asr.publish import recordings

    recordings.write(repository, out)
