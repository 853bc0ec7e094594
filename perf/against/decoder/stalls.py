"""A long prompt among running answers, and prompts that begin alike: ``… decoder.stalls``.

Seven answers are under way when a prompt of 2,000 tokens comes: how long the longest pause of any
of them is, in steps, and when the long prompt's first token comes. Then prompts behind a common
beginning of 1,000 tokens: what is computed again, and how much sooner the first token comes; and
two questions about one image, asked of the demo's checkpoint.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from perf.against.bench import THREADS, machine, say, write
from perf.against.decoder.legs import CONTEXT, PROMPT, SLOTS, Texts, build
from perf.against.decoder.served import PIPELINE, Answered, Served, chat
from perf.against.decoder.speed import DEMO, WEIGHTS
from perf.against.rivals.round import Round
from perf.measure.timing import Timing
from perf.paths import RESULTS
from repository.errors import KitError
from repository.places import ROOT

LONG = 2000
"""Tokens of the long prompt."""

BEFORE = 24
"""Tokens of each answer when the long prompt comes."""

NEW = 512
"""Tokens of an answer beside it: they last until the long prompt is computed."""

SHARED = 1000
"""Tokens that prompts have in common."""

SCENES = ROOT / "clients" / "examples" / "scenes"


@dataclass(frozen=True)
class Stall:
    """One round with a long prompt.

    Attributes:
        step: seconds of a step of the others before it came, the median.
        longest: seconds of their longest pause after.
        first: seconds from the long prompt to its first token.
        alone: the same without others.
    """

    step: float
    longest: float
    first: float
    alone: float

    @property
    def steps(self) -> float:
        """The longest pause in steps, the step that ends it included."""
        return self.longest / self.step


def stall(found: Round, before: int, alone: float) -> Stall:
    """From a round whose last prompt came when each other had so many tokens.

    Raises:
        ValueError: the others had ended before it had its first token.
    """
    *others, late = found.streams
    sent = max(next(at for at, tokens in each if tokens >= before) for each in others)
    first = late[0][0]
    if min(each[-1][0] for each in others) < first:
        raise ValueError("expected answers until the long prompt is computed, found one that ended")
    # A step's time while the first prompts are still computed is none.
    steady = [
        after - at
        for each in others
        for (at, tokens), (after, _) in pairwise(each)
        if tokens >= before // 2 and after <= sent
    ]
    # Tokens that come together were held back until a character was whole, which is frequent with
    # random weights. No step took so long.
    pauses = [
        after - at
        for each in others
        for (at, had), (after, has) in pairwise(each)
        if after > sent and has == had + 1
    ]
    return Stall(statistics.median(steady), max(pauses), first - sent, alone)


@dataclass(frozen=True)
class Prefix:
    """Two prompts that begin alike, one behind the other.

    Attributes:
        cold: seconds to the first one's first token.
        warm: to the second's.
        cached: the second's tokens that were not computed again.
        tokens: the second's tokens.
    """

    cold: float
    warm: float
    cached: int
    tokens: int


def prefix(cold: Answered, warm: Answered) -> Prefix:
    """From two rounds of a prompt each."""
    return Prefix(cold.round.first, warm.round.first, warm.cached[0], warm.prompts[0])


def stalls(client: Served, rounds: int) -> list[Stall]:
    """Measures the long prompt among others."""
    short, long = Texts(), Texts(LONG - 1)
    found = []
    for number in range(-1, rounds):
        alone = client.decode(long.texts(1), 2).round.first
        prompts = short.texts(SLOTS - 1) + long.texts(1)
        counts = [NEW] * (SLOTS - 1) + [2]
        answered = client.decode(prompts, counts, late={SLOTS - 1: BEFORE})
        if number >= 0:
            found.append(stall(answered.round, BEFORE, alone))
            say(f"a long prompt, round {number + 1} of {rounds}")
    return found


def prefixes(client: Served, rounds: int) -> list[Prefix]:
    """Measures prompts behind a common beginning."""
    beginnings, ends = Texts(SHARED - 1), Texts(20)
    found = []
    for _ in range(rounds):
        (beginning,) = beginnings.texts(1)
        cold, warm = (client.decode([f"{beginning} {end}"], 2) for end in ends.texts(2))
        found.append(prefix(cold, warm))
    return found


def images(client: Served) -> list[Prefix]:
    """Measures two questions about each of some images."""
    found = []
    for path in sorted(SCENES.glob("*.png")):
        image = path.read_bytes()
        cold, warm = (
            client.decode([chat(question, [image])], 2)
            for question in ("How many circles?", "What is there?")
        )
        found.append(prefix(cold, warm))
    return found


def table(stalled: dict[str, list[Stall]], alike: dict[str, list[Prefix]]) -> str:
    """The figures as Markdown."""
    rows = [
        "| weights | longest pause of an answer, in steps, median of the rounds | worst round "
        "| ms of a step | long prompt's first token, divided by that without others |",
        "|---|---|---|---|---|",
    ]
    for weights, listed in stalled.items():
        steps = [each.steps for each in listed]
        longer = statistics.median(each.first / each.alone for each in listed)
        step = statistics.median(each.step for each in listed)
        rows.append(
            f"| {weights} | {statistics.median(steps):.1f} | {max(steps):.1f} "
            f"| {1000 * step:.1f} | {longer:.2f} |"
        )
    rows += [
        "",
        "| in common | tokens of a prompt | not computed again | first token, times sooner "
        "| spread |",
        "|---|---|---|---|---|",
    ]
    for name, each in alike.items():
        sooner = Timing(tuple(one.cold / one.warm for one in each))
        tokens, cached = (
            statistics.median(getattr(one, field) for one in each) for field in ("tokens", "cached")
        )
        rows.append(
            f"| {name} | {tokens:.0f} | {cached:.0f} | {sooner.median:.1f} "
            f"| ±{50 * sooner.spread:.0f} % |"
        )
    return "\n".join(rows) + "\n"


def measure(
    folder: Path, rounds: int, weights: Sequence[str]
) -> tuple[dict[str, list[Stall]], dict[str, list[Prefix]]]:
    """Measures all of it.

    Args:
        folder: for the checkpoint and repositories.
        rounds: of each.
        weights: "fp32", "int4".
    """
    from training.decoder.random import make

    checkpoint = folder / "checkpoint"
    if not checkpoint.is_dir():
        say("making a checkpoint of random weights")
        make(checkpoint)
    stalled: dict[str, list[Stall]] = {}
    alike: dict[str, list[Prefix]] = {}
    for each in weights:
        repository = folder / f"repository_{each}"
        build(checkpoint, repository, {"weights": each, "context": CONTEXT})

        def both(client: Served, each: str = each) -> None:
            stalled[each] = stalls(client, rounds)
            alike[f"{SHARED:,} tokens, {each}"] = prefixes(client, rounds)

        _asked(repository, both)
    repository = folder / "repository_demo_seen"
    build(DEMO, repository, {"eye": "vision"}, vision={"source": f"path:{DEMO}"})

    def seen(client: Served) -> None:
        alike["the image, the demo's checkpoint"] = images(client)

    _asked(repository, seen)
    return stalled, alike


def _asked(repository: Path, ask: Callable[[Served], None]) -> None:
    from runtime.server.server import LocalServer

    with LocalServer(repository, load=[PIPELINE]) as server, Served(server.grpc) as client:
        ask(client)


def main(
    rounds: Annotated[int, typer.Option(help="Rounds of each.", min=2)] = 5,
    work: Annotated[
        Path | None, typer.Option(help="Folder that keeps checkpoints and repositories.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the figures.")] = RESULTS / "decoder",
) -> None:
    """Measure pauses and prefixes of the served decoder, and write the figures."""
    try:
        with tempfile.TemporaryDirectory(prefix="decoder-") as scratch:
            folder = Path(scratch) if work is None else work
            folder.mkdir(parents=True, exist_ok=True)
            stalled, alike = measure(folder, rounds, WEIGHTS)
    except (OSError, ValueError, KitError) as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(2) from problem
    shown = table(stalled, alike)
    closing = (
        f"\n{SLOTS - 1} answers beside a prompt of {LONG:,} tokens; their prompts have {PROMPT}; "
        f"{THREADS} threads.\nMeasured on {machine()}, {rounds} rounds.\n"
    )
    record = {
        "machine": machine(),
        "stalls": {name: [vars(one) for one in each] for name, each in stalled.items()},
        "prefixes": {name: [vars(one) for one in each] for name, each in alike.items()},
    }
    write(out, "stalls", shown + closing, record)
    typer.echo(shown)


if __name__ == "__main__":
    typer.run(main)
