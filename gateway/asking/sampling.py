"""How an answer is chosen: the members that chats and completions have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clients.connection.bounds import INT32
from gateway.asking.fields import Fields
from gateway.errors import invalid
from gateway.triton.generation import Option

MOST_STOPS = 16
INT64 = 2**63


@dataclass(frozen=True)
class Sampling:
    """How answers are chosen and sent.

    Attributes:
        options: inputs of the pipeline.
        choices: answers to each prompt.
        stream: they come piece by piece.
        usage: the stream tells the counts of tokens at its end.
    """

    options: dict[str, Option]
    choices: int
    stream: bool
    usage: bool

    def each(self) -> Iterator[dict[str, Option]]:
        """The options of each choice: a seed is counted up, since equal seeds give equal texts."""
        for number in range(self.choices):
            seed = self.options.get("seed")
            if isinstance(seed, int) and number:
                counted = (seed + number + INT64) % (2 * INT64) - INT64
                yield {**self.options, "seed": counted}
            else:
                yield dict(self.options)


def read_sampling(fields: Fields, most_choices: int) -> Sampling:
    """Takes the members for it.

    Args:
        fields: of the request.
        most_choices: the most answers to a prompt.

    Raises:
        ApiError: one is not as it should be.
    """
    stream = bool(fields.flag("stream"))
    options: dict[str, Option] = {}
    for name, value in {
        "temperature": fields.number("temperature", 0, 2),
        "top_p": fields.number("top_p", 0, 1, above=True),
        "top_k": fields.integer("top_k", 0, INT32),
        "frequency_penalty": fields.number("frequency_penalty", -2, 2),
        "presence_penalty": fields.number("presence_penalty", -2, 2),
        "seed": fields.integer("seed", -INT64, INT64 - 1),
        "max_tokens": _most_tokens(fields),
        "ignore_eos": fields.flag("ignore_eos"),
    }.items():
        if value is not None:
            options[name] = value
    if stops := _stops(fields):
        options["stop"] = stops
    return Sampling(
        options,
        choices=fields.integer("n", 1, most_choices) or 1,
        stream=stream,
        usage=_usage(fields, stream=stream),
    )


def _most_tokens(fields: Fields) -> int | None:
    older = fields.integer("max_tokens", 1, INT32)
    newer = fields.integer("max_completion_tokens", 1, INT32)
    if older is not None and newer is not None and older != newer:
        told = "'max_tokens' and 'max_completion_tokens' differ; give one of them"
        raise invalid(told, "max_completion_tokens")
    return newer if older is None else older


def _stops(fields: Fields) -> list[str]:
    given = fields.take("stop")
    stops = [given] if isinstance(given, str) else given
    if stops is None:
        return []
    if not isinstance(stops, list) or not all(isinstance(each, str) and each for each in stops):
        raise invalid("'stop' has to be a text or a list of texts, none of them empty", "stop")
    if len(stops) > MOST_STOPS:
        raise invalid(f"'stop' has at most {MOST_STOPS} texts, found {len(stops)}", "stop")
    return stops


def _usage(fields: Fields, *, stream: bool) -> bool:
    given = fields.object("stream_options")
    if given is None:
        return False
    if not stream:
        raise invalid("'stream_options' goes with 'stream': true", "stream_options")
    wanted = bool(given.flag("include_usage"))
    # Random letters that hide how long a piece is: https goes without.
    given.refuse({"include_obfuscation": ((False,), "pieces are sent as they are")})
    given.end()
    return wanted
