"""The steps from nothing to the shipped checkpoints, each a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.command_line import Seed, commands

app = commands(__doc__)

SEED = 20262
"""Of everything that is shipped."""

SCENES = 81_920
"""That are drawn for the training."""

TOWER_STEPS, ANSWER_STEPS = 1_800, 3_900

Count = Annotated[int, typer.Option("--scenes", help="Scenes drawn for the training.")]
Threads = Annotated[int, typer.Option(help="Of torch; another number changes the last bits.")]
TOWER_THREADS, ANSWER_THREADS = 2, 1


@app.command()
def scenes(
    out: Path,
    seed: Seed = SEED,
    count: Count = SCENES,
    workers: Annotated[int, typer.Option(help="Processes that draw.")] = 2,
) -> None:
    """Draw the training scenes into OUT. Goes on where it was cut off."""
    from training.vision.learning import corpus

    corpus.write(out, seed=seed, count=count, workers=workers)


@app.command()
def train(
    scenes: Path,
    out: Path,
    seed: Seed = SEED,
    count: Count = SCENES,
    tower_steps: int = TOWER_STEPS,
    answer_steps: int = ANSWER_STEPS,
    tower_threads: Threads = TOWER_THREADS,
    answer_threads: Threads = ANSWER_THREADS,
) -> None:
    """Train tower and language model on SCENES, or go on; the state is in OUT. Prints SHA-256."""
    from training.vision.learning import stages

    for name, digest in stages.train(
        scenes,
        out,
        seed=seed,
        count=count,
        tower_steps=tower_steps,
        answer_steps=answer_steps,
        threads=(tower_threads, answer_threads),
    ):
        print(name, digest, flush=True)


@app.command()
def publish(
    run: Path,
    scenes: Path,
    out: Path,
    seed: Seed = SEED,
    count: Count = SCENES,
    tower_steps: int = TOWER_STEPS,
    answer_steps: int = ANSWER_STEPS,
    tower_threads: Threads = TOWER_THREADS,
    answer_threads: Threads = ANSWER_THREADS,
) -> None:
    """Measure the RUN's weights, and write them to OUT as two checkpoints with their cards."""
    from training.vision.publish import checkpoint

    checkpoint.publish(
        run,
        scenes,
        out,
        seed=seed,
        count=count,
        tower_steps=tower_steps,
        answer_steps=answer_steps,
        threads=(tower_threads, answer_threads),
    )


@app.command()
def images(
    evaluation: Path = Path("builders/scenes/evaluation"),
    examples: Path = Path("clients/examples/scenes"),
    seed: Seed = SEED,
) -> None:
    """Write the shipped evaluation set and the example images."""
    from training.vision.publish import evaluation as made

    made.write_evaluation(evaluation, seed + 1)
    made.write_examples(examples)


@app.command()
def known(
    demo: Path = Path("builders/vision/demo"), out: Path = Path("builders/vision/answers")
) -> None:
    """Write what the shipped checkpoints make of an example, for smoke tests of servers."""
    from training.vision.publish import known as made

    made.write_known(demo, out)
