"""The decoder's speed beside that of others: ``python -m perf.against.decoder.speed``.

On one checkpoint of random weights with 96 million parameters, with two threads each, in turns:
the pipeline ``generate`` of a real Triton over gRPC and in process, llama.cpp, openvino-genai and
transformers; greedy, prompts of 100 tokens that were not seen before, as many new tokens of each;
one, four and eight at once; unquantised and in 4 bits. Then the demo's checkpoint, beside
transformers.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from perf.against.bench import THREADS, machine, say, write
from perf.against.decoder.legs import (
    CONTINUOUS,
    IN_PROCESS,
    PROMPT,
    SERVED,
    SLOTS,
    TRANSFORMERS,
    Leg,
    build,
    random_legs,
)
from perf.against.llamacpp import rival as llamacpp
from perf.against.openvino import rival as openvino
from perf.measure.timing import Timing, ratios
from perf.paths import RESULTS
from repository.errors import KitError
from repository.places import ROOT

CONCURRENCIES = (1, 4, 8)
NEW = 64
"""Tokens of an answer."""

WEIGHTS = ("fp32", "int4")
ENGINES = (SERVED, IN_PROCESS, llamacpp.TITLE, openvino.TITLE, TRANSFORMERS, CONTINUOUS)

DEMO = ROOT / "builders" / "vision" / "demo" / "vision"

DEMO_WORDS = (
    *("how", "many", "red", "blue", "green", "yellow", "circles", "squares", "triangles", "are"),
    *("there", "what", "is", "the", "colour", "of", "which", "word", "is", "written", "left"),
)
"""What prompts for the demo's checkpoint are drawn from."""

Rates = dict[str, dict[str, dict[int, list[float]]]]
"""Weights -> leg -> how many at once -> of each round."""


class Speeds:
    """What the rounds took.

    Attributes:
        rates: tokens a second, the prompts' own computation included.
        firsts: seconds to the first token, the median of those at once.
    """

    def __init__(self, rates: Rates | None = None, firsts: Rates | None = None) -> None:
        self.rates: Rates = {} if rates is None else rates
        self.firsts: Rates = {} if firsts is None else firsts

    def run(self, legs: Mapping[str, Mapping[str, Leg]], rounds: int, tokens: int = NEW) -> None:
        """Runs all legs in turns, after one round that does not count.

        Args:
            legs: weights -> leg.
            rounds: how many count.
            tokens: new ones of each prompt.
        """
        for number in range(-1, rounds):
            for weights, named in legs.items():
                for name, leg in named.items():
                    for at_once in CONCURRENCIES:
                        # Its point is several at once, and alone it takes longest of all.
                        if name == CONTINUOUS and at_once != max(CONCURRENCIES):
                            continue
                        found = leg(at_once, tokens if number >= 0 else 8)
                        if number >= 0:
                            for kept, value in (
                                (self.rates, found.rate),
                                (self.firsts, found.first),
                            ):
                                of_leg = kept.setdefault(weights, {}).setdefault(name, {})
                                of_leg.setdefault(at_once, []).append(value)
            say(f"round {number + 1} of {rounds}" if number >= 0 else "warm-up")

    def ratio(
        self, at_once: int, ours: tuple[str, str], theirs: tuple[str, str], of_theirs: int = 0
    ) -> Timing | None:
        """Tokens a second of a leg divided by those of another, round by round.

        Args:
            at_once: prompts.
            ours: weights and leg.
            theirs: the same of the other.
            of_theirs: its prompts at once, if they are others.

        Returns:
            None if one of them was not measured.
        """
        above = self.rates.get(ours[0], {}).get(ours[1], {}).get(at_once)
        below = self.rates.get(theirs[0], {}).get(theirs[1], {}).get(of_theirs or at_once)
        if above is None or below is None:
            return None
        return ratios(Timing(tuple(above)), Timing(tuple(below)))

    def rate(self, weights: str, leg: str, at_once: int) -> float | None:
        """A leg's tokens a second, the median of its rounds."""
        found = self.rates[weights][leg].get(at_once)
        return None if found is None else float(np.median(found))

    def first(self, weights: str, leg: str, at_once: int) -> float | None:
        """Seconds to a leg's first token, the median of its rounds."""
        found = self.firsts[weights][leg].get(at_once)
        return None if found is None else float(np.median(found))

    def record(self) -> dict[str, object]:
        """All of it, as JSON has it."""
        return {"tokens_per_second": self.rates, "seconds_to_first_token": self.firsts}


def table(speeds: Speeds) -> str:
    """The speeds as Markdown."""
    headings = [f"{each} at once" for each in CONCURRENCIES]
    rows = [
        f"| weights | Triton's tokens a second, divided by those of | {' | '.join(headings)} |",
        f"|---|---|{'---|' * len(CONCURRENCIES)}",
    ]
    for weights, legs in speeds.rates.items():
        for name in legs:
            if name != SERVED:
                figures = [
                    _shown(speeds.ratio(each, (weights, SERVED), (weights, name)))
                    for each in CONCURRENCIES
                ]
                rows.append(f"| {weights} | {name} | {' | '.join(figures)} |")
    most = max(CONCURRENCIES)
    for weights in speeds.rates:
        own = [
            _shown(speeds.ratio(each, (weights, SERVED), (weights, SERVED), 1))
            for each in CONCURRENCIES
        ]
        rows.append(f"| {weights} | itself, one at a time | {' | '.join(own)} |")
    if set(WEIGHTS) <= set(speeds.rates):
        gained = [
            _shown(speeds.ratio(each, ("int4", SERVED), ("fp32", SERVED))) for each in CONCURRENCIES
        ]
        rows.append(f"| int4 | itself, fp32 | {' | '.join(gained)} |")
    rows += [
        "",
        "| weights | leg | tokens a second: "
        + " | ".join(headings)
        + f" | ms to the first token: 1 at once | {most} at once |",
        f"|---|---|{'---|' * (len(CONCURRENCIES) + 2)}",
    ]
    for weights, legs in speeds.rates.items():
        for name in legs:
            rates = [_number(speeds.rate(weights, name, each)) for each in CONCURRENCIES]
            # What is seen only as a whole has no first token.
            whole = name in (IN_PROCESS, CONTINUOUS)
            firsts = [None if whole else speeds.first(weights, name, each) for each in (1, most)]
            shown = [_number(None if each is None else 1000 * each) for each in firsts]
            rows.append(f"| {weights} | {name} | {' | '.join([*rates, *shown])} |")
    return "\n".join(rows) + "\n"


def _shown(ratio: Timing | None) -> str:
    return "-" if ratio is None else f"{ratio.median:.2f} ±{50 * ratio.spread:.0f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def random_checkpoint(
    folder: Path, rounds: int, engines: Sequence[str], weights: Sequence[str]
) -> tuple[Speeds, str]:
    """Measures all engines with the random checkpoint.

    Args:
        folder: for the checkpoint, repositories and converted weights.
        rounds: of each leg.
        engines: which.
        weights: "fp32", "int4".

    Returns:
        The speeds, and the rivals' versions in words.
    """
    from training.decoder.random import make

    checkpoint = folder / "checkpoint"
    if not checkpoint.is_dir():
        say("making a checkpoint of random weights")
        make(checkpoint)
    speeds = Speeds()
    with ExitStack() as stack:
        legs = {each: random_legs(stack, checkpoint, folder, each, engines) for each in weights}
        speeds.run(legs, rounds)
    return speeds, _versions()


def demo_checkpoint(folder: Path, rounds: int) -> Speeds:
    """Measures Triton and transformers with the demo's checkpoint."""
    from tokenizers import Tokenizer

    from perf.against.decoder.served import PIPELINE, Served
    from perf.against.transformers.decoder import start
    from runtime.server.server import LocalServer

    tokenizer = Tokenizer.from_file(str(DEMO / "tokenizer.json"))
    repository = folder / "repository_demo"
    build(DEMO, repository, {})
    rng = np.random.default_rng(0)

    def texts(number: int) -> list[str]:
        return [" ".join(rng.choice(DEMO_WORDS, PROMPT - 10)) for _ in range(number)]

    def tokens(number: int) -> list[list[int]]:
        listed = [tokenizer.encode(each).ids for each in texts(number)]
        # transformers is not slowed down by padding: it takes each as long as the shortest.
        return [each[: min(map(len, listed))] for each in listed]

    speeds = Speeds()
    with (
        LocalServer(repository, load=[PIPELINE]) as server,
        Served(server.grpc) as client,
        start(DEMO) as rival,
    ):
        legs: dict[str, Leg] = {
            SERVED: lambda number, new: client.decode(texts(number), new).round,
            TRANSFORMERS: lambda number, new: rival.decode(tokens(number), new),
        }
        speeds.run({"fp32": legs}, rounds)
    return speeds


def _versions() -> str:
    from importlib.metadata import version

    pins = {
        name: dict(
            line.split("==")
            for line in environment.requirements.read_text().splitlines()
            if "==" in line
        )
        for name, environment in (
            (llamacpp.TITLE, llamacpp.ENVIRONMENT),
            (openvino.TITLE, openvino.ENVIRONMENT),
        )
    }
    return (
        f"llama-cpp-python {pins[llamacpp.TITLE]['llama_cpp_python']}, compiled for this CPU, with "
        f"Q4_0 in all matrices; openvino-genai {pins[openvino.TITLE]['openvino-genai']}, symmetric "
        f"int4 in blocks of 32; transformers {version('transformers')}"
    )


def main(
    rounds: Annotated[int, typer.Option(help="Rounds of each leg, in turns.", min=2)] = 5,
    engines: Annotated[
        list[str] | None, typer.Option(help=f"Of {'; '.join(ENGINES)}; else all.")
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(WEIGHTS)}; else all.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder that keeps checkpoints and repositories.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the figures.")] = RESULTS / "decoder",
) -> None:
    """Measure the decoder beside others, and write the figures."""
    try:
        with tempfile.TemporaryDirectory(prefix="decoder-") as scratch:
            folder = Path(scratch) if work is None else work
            folder.mkdir(parents=True, exist_ok=True)
            speeds, versions = random_checkpoint(
                folder, rounds, engines or ENGINES, weights or WEIGHTS
            )
            demo = demo_checkpoint(folder, rounds)
    except (OSError, ValueError, KitError) as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(2) from problem
    closing = (
        f"\nPrompts of {PROMPT} tokens, {NEW} new ones, {THREADS} threads, {SLOTS} slots; "
        f"{versions}.\nMeasured on {machine()}, {rounds} rounds.\n"
    )
    for name, each in (("speed", speeds), ("speed_demo", demo)):
        shown = table(each)
        write(out, name, shown + closing, {"machine": machine(), **json_keys(each.record())})
        typer.echo(shown)


def json_keys(record: Mapping[str, object]) -> dict[str, object]:
    """A record with text for its numbers as keys, as JSON has them."""
    text: dict[str, object] = json.loads(json.dumps(record))
    return text


if __name__ == "__main__":
    typer.run(main)
