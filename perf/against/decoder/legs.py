"""Who decodes in a run: built, converted and started here, and asked alike."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import yaml

from perf.against.bench import THREADS, say
from perf.against.decoder.served import PIPELINE, InProcessDecoder, Served
from perf.against.llamacpp import rival as llamacpp
from perf.against.openvino import rival as openvino
from perf.against.rivals.asked import Rival
from perf.against.rivals.round import Round
from perf.against.transformers import decoder as transformers
from perf.errors import PerfError
from repository.children import ending_with_parent
from repository.places import ROOT

RELEASE = "24.10"
"""The release of the local server."""

SLOTS = 8
CONTEXT = 2304
"""Tokens of a slot: room for a prompt of 2,000 and its answer."""

PROMPT = 100
"""Tokens of a prompt in the runs of throughput."""

SERVED, IN_PROCESS = "Triton", "in process"
TRANSFORMERS, CONTINUOUS = "transformers", "transformers, continuous batching"

Leg = Callable[[int, int], Round]
"""So many prompts, none of them seen before, and new tokens of each -> what that took."""


def build(checkpoint: Path, out: Path, options: Mapping[str, object], **others: object) -> None:
    """Builds a repository with the pipeline ``generate``, for the local server.

    Args:
        checkpoint: in Hugging Face format.
        out: the repository.
        options: the decoder's further ones in the profile.
        others: further families, with their options.

    Raises:
        PerfError: a step failed; the build says which.
    """
    profile = out.with_suffix(".yaml")
    decoder = {"source": f"path:{checkpoint.absolute()}", "threads": THREADS, "slots": SLOTS}
    wanted = {
        "triton": RELEASE,
        "device": "cpu",
        "families": {**others, "decoder": {**decoder, **options}},
    }
    profile.write_text(yaml.safe_dump(wanted, sort_keys=False), encoding="utf-8")
    command = ["-m", "builders", "build", "--profile", str(profile), "--out", str(out), "--quiet"]
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


class Texts:
    """Prompts for the random checkpoint, each a new one, as text and as tokens."""

    def __init__(self, words: int = PROMPT - 1) -> None:
        from training.decoder.random import tokenizer

        self._words = words
        self._tokenizer = tokenizer()
        self._seeds = count(1)

    def texts(self, number: int) -> list[str]:
        """So many prompts that were not given before."""
        from training.decoder.random import prompt

        return [prompt(self._words, next(self._seeds)) for _ in range(number)]

    def tokens(self, number: int) -> list[list[int]]:
        """The same as tokens, with that of the beginning."""
        return [self._tokenizer.encode(each).ids for each in self.texts(number)]


def random_legs(
    stack: ExitStack, checkpoint: Path, folder: Path, weights: str, wanted: Sequence[str]
) -> dict[str, Leg]:
    """Every engine with the random checkpoint.

    Args:
        stack: ends what is started.
        checkpoint: the random one.
        folder: for repositories and converted weights.
        weights: "fp32" or "int4"; transformers has the first alone on a CPU.
        wanted: which of the engines.
    """
    from runtime.server.server import LocalServer

    prompts = Texts()
    legs: dict[str, Leg] = {}
    repository = folder / f"repository_{weights}"
    if {SERVED, IN_PROCESS} & set(wanted):
        say(f"building the repository, {weights}")
        build(checkpoint, repository, {"weights": weights, "context": CONTEXT})
    if SERVED in wanted:
        server = stack.enter_context(LocalServer(repository, load=[PIPELINE]))
        client = stack.enter_context(Served(server.grpc))
        legs[SERVED] = lambda number, new: client.decode(prompts.texts(number), new).round
    if IN_PROCESS in wanted:
        process = stack.enter_context(InProcessDecoder(repository))
        legs[IN_PROCESS] = lambda number, new: process.decode(prompts.texts(number), new)
    rivals: dict[str, Callable[[], Rival]] = {
        llamacpp.TITLE: lambda: llamacpp.start(
            llamacpp.converted(checkpoint, folder, weights), SLOTS, CONTEXT // 4
        ),
        openvino.TITLE: lambda: openvino.start(
            openvino.converted(checkpoint, folder, weights), SLOTS
        ),
    }
    if weights == "fp32":
        rivals[TRANSFORMERS] = lambda: transformers.start(checkpoint)
        rivals[CONTINUOUS] = lambda: transformers.start(checkpoint, continuous=True)
    for name, start in rivals.items():
        if name in wanted:
            say(f"starting {name}, {weights}")
            rival = stack.enter_context(start())
            legs[name] = _asking(rival, prompts)
    return legs


def _asking(rival: Rival, prompts: Texts) -> Leg:
    return lambda number, new: rival.decode(prompts.tokens(number), new)
