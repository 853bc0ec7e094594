"""A rival's side of the pipe: settings once, then rounds, a line of JSON each.

It runs in the rival's own environment, so only the standard library is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

Decode = Callable[[Sequence[Sequence[int]], int, Callable[[int, int], None]], None]
"""Decodes prompts together, greedily and past any end: their tokens, how many new ones of each,
and a function that is called with a prompt's number and how many new tokens it has so far."""


def serve(prepare: Callable[[Any], tuple[str, Decode]]) -> None:
    """Answers until standard input ends.

    Args:
        prepare: from the settings, the first line, to the engine's version and how it decodes.
    """
    # Libraries print, and must not print between the lines.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    version, decode = prepare(json.loads(sys.stdin.readline()))
    print(json.dumps({"version": version}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        streams: list[list[tuple[float, int]]] = [[] for _ in asked["prompts"]]
        start = perf_counter()

        def told(
            number: int,
            tokens: int,
            streams: list[list[tuple[float, int]]] = streams,
            start: float = start,
        ) -> None:
            streams[number].append((perf_counter() - start, tokens))

        decode(asked["prompts"], asked["tokens"], told)
        print(json.dumps({"streams": streams}), file=answers, flush=True)
