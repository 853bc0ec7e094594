"""What the gateway adds to an answer: ``python -m perf.against.decoder.gateway``.

perf_analyzer asks the pipeline ``generate`` of one server over gRPC, and through the gateway's
``/v1/chat/completions``, in turns: one client and eight, each asking again when it has its answer.
With the checkpoint of random weights with 96 million parameters, and with the demo's, whose tokens
take a small part of its time.
"""

from __future__ import annotations

import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from perf.against.bench import THREADS, machine, say, write
from perf.against.decoder.asking import GATEWAY, GRPC, Answers, Chat, answers
from perf.against.decoder.legs import CONTEXT, PROMPT, Texts, build
from perf.against.decoder.served import PIPELINE
from perf.against.decoder.speed import DEMO, DEMO_WORDS
from perf.errors import LegFailed
from perf.measure.analyzer.installation import install
from perf.measure.timing import Timing, ratios
from perf.paths import RESULTS
from repository.children import ending_with_parent
from repository.errors import KitError
from repository.places import ROOT

CONCURRENCIES = (1, 8)
TIMES = 4
"""Requests of each client in a round."""

NEW = 48
"""Tokens of the shortest answer. Each client's are :data:`MORE` more than those of the one before:
with answers of one length, all clients would ask at the same moment."""

MORE = 5

TEMPLATE = "{% for each in messages %}{{ each.content }}{% endfor %}"
"""The chat template that the checkpoint of random weights gets: a message as it is."""

LIVELY = {"temperature": 2.0, "seed": 1}
"""What keeps the demo's decoder writing when its answer is complete."""


@dataclass(frozen=True)
class Rounds:
    """What the rounds of one checkpoint took.

    Attributes:
        firsts: way -> clients -> of each round, seconds to the first piece.
        tokens: the same of seconds for a further token.
    """

    firsts: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    tokens: dict[str, dict[int, list[float]]] = field(default_factory=dict)

    def took(self, way: str, clients: int, came: Answers) -> None:
        """Keeps a round."""
        for kept, value in ((self.firsts, came.first), (self.tokens, came.token)):
            kept.setdefault(way, {}).setdefault(clients, []).append(value)

    def added(self, clients: int) -> list[float]:
        """Seconds that the gateway adds to the first piece, round by round."""
        pairs = zip(self.firsts[GATEWAY][clients], self.firsts[GRPC][clients], strict=True)
        return [through - direct for through, direct in pairs]

    def ratio(self, clients: int) -> Timing:
        """A further token's time through the gateway, divided by that over gRPC."""
        through, direct = (Timing(tuple(self.tokens[way][clients])) for way in (GATEWAY, GRPC))
        return ratios(through, direct)


@contextmanager
def fronted(grpc: str) -> Iterator[str]:
    """A gateway before a server; gives its ``host:port``.

    Raises:
        LegFailed: it did not start.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "--triton", grpc, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=ending_with_parent(signal.SIGTERM),
    ) as process:
        assert process.stdout is not None
        found = re.search(r"//([^/]+)/v1", process.stdout.readline())
        if found is None:
            raise LegFailed("the gateway did not start; what it said stands above")
        try:
            yield found[1]
        finally:
            process.terminate()


def measured(repository: Path, chats: Sequence[Chat], rounds: int) -> Rounds:
    """Both ways in turns, after a round that does not count."""
    from runtime.server.server import LocalServer

    analyzer = install(say)
    found = Rounds()
    with LocalServer(repository, load=[PIPELINE]) as server, fronted(server.grpc) as gateway:
        for number in range(-1, rounds):
            for clients in CONCURRENCIES:
                for way, address in ((GRPC, server.grpc), (GATEWAY, gateway)):
                    came = answers(analyzer, way, address, chats[:clients], TIMES)
                    if number >= 0:
                        found.took(way, clients, came)
            say(f"round {number + 1} of {rounds}" if number >= 0 else "warm-up")
    return found


def table(found: dict[str, Rounds]) -> str:
    """The figures as Markdown."""
    rows = [
        "| checkpoint | clients | ms to the first token, over gRPC | added by the gateway "
        "| ms for a token, over gRPC | through the gateway, divided by that |",
        "|---|---|---|---|---|---|",
    ]
    for name, each in found.items():
        for clients in CONCURRENCIES:
            first = 1000 * statistics.median(each.firsts[GRPC][clients])
            token = 1000 * statistics.median(each.tokens[GRPC][clients])
            added = [1000 * value for value in each.added(clients)]
            ratio = each.ratio(clients)
            rows.append(
                f"| {name} | {clients} | {first:.1f} | {statistics.median(added):+.1f} "
                f"({min(added):+.1f} to {max(added):+.1f}) | {token:.2f} "
                f"| {ratio.median:.2f} ±{50 * ratio.spread:.0f} % |"
            )
    return "\n".join(rows) + "\n"


def main(
    rounds: Annotated[int, typer.Option(help="Rounds of each way, in turns.", min=2)] = 5,
    work: Annotated[
        Path | None, typer.Option(help="Folder that keeps checkpoints and repositories.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the figures.")] = RESULTS / "decoder",
) -> None:
    """Measure what the gateway adds, and write the figures."""
    from training.decoder.random import make

    try:
        with tempfile.TemporaryDirectory(prefix="gateway-") as scratch:
            folder = Path(scratch) if work is None else work
            folder.mkdir(parents=True, exist_ok=True)
            checkpoint = folder / "checkpoint"
            if not checkpoint.is_dir():
                say("making a checkpoint of random weights")
                make(checkpoint)
            (checkpoint / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
            repositories = {name: folder / f"repository_{name}" for name in ("random", "demo")}
            build(checkpoint, repositories["random"], {"context": CONTEXT})
            build(DEMO, repositories["demo"], {})
            most = max(CONCURRENCIES)
            found = {
                "random, 96 M": measured(
                    repositories["random"], _chats(Texts().texts(most), {}), rounds
                ),
                "the demo's": measured(
                    repositories["demo"], _chats(_demo_texts(most), LIVELY), rounds
                ),
            }
    except (OSError, ValueError, KitError) as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(2) from problem
    closing = (
        f"\nperf_analyzer; prompts of {PROMPT} tokens, which are in the cache, {NEW} to "
        f"{NEW + MORE * (most - 1)} new ones, {THREADS} threads. Client, gateway and server share "
        f"the processors.\nMeasured on {machine()}, {rounds} rounds.\n"
    )
    shown = table(found)
    record = {
        name: {
            "seconds_to_first_token": _keyed(each.firsts),
            "seconds_for_a_token": _keyed(each.tokens),
        }
        for name, each in found.items()
    }
    write(out, "gateway", shown + closing, {"machine": machine(), **record})
    typer.echo(shown)


def _chats(texts: Sequence[str], options: dict[str, float]) -> list[Chat]:
    return [Chat(text, NEW + MORE * number, options) for number, text in enumerate(texts)]


def _demo_texts(number: int) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(DEMO_WORDS, PROMPT - 10)) for _ in range(number)]


def _keyed(figures: dict[str, dict[int, list[float]]]) -> dict[str, dict[str, list[float]]]:
    return {
        way: {str(clients): rounds for clients, rounds in each.items()}
        for way, each in figures.items()
    }


if __name__ == "__main__":
    typer.run(main)
