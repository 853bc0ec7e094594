"""What one round of prompts took, whoever decoded it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Round:
    """Prompts that were decoded together.

    Attributes:
        streams: of each prompt, when so many of its new tokens were there: seconds since the round
            began, and tokens. One that came whole has one entry.
    """

    streams: tuple[tuple[tuple[float, int], ...], ...]

    @classmethod
    def of(cls, streams: Sequence[Sequence[Sequence[float]]]) -> Round:
        """From lists, as JSON has them.

        Raises:
            ValueError: a prompt has no token.
        """
        if not streams or not all(streams):
            raise ValueError("expected new tokens of each prompt, found none of one")
        return cls(
            tuple(tuple((float(at), int(tokens)) for at, tokens in each) for each in streams)
        )

    @property
    def tokens(self) -> int:
        """New tokens of all prompts."""
        return sum(stream[-1][1] for stream in self.streams)

    @property
    def seconds(self) -> float:
        """Until the last of them."""
        return max(stream[-1][0] for stream in self.streams)

    @property
    def rate(self) -> float:
        """Tokens a second, the prompts' own computation included."""
        return self.tokens / self.seconds

    @property
    def first(self) -> float:
        """Seconds to a prompt's first tokens, the median."""
        return statistics.median(stream[0][0] for stream in self.streams)

    @property
    def per_token(self) -> float:
        """Seconds that a stream takes for a further token, the median of the streams."""
        return statistics.median(
            (stream[-1][0] - stream[0][0]) / (stream[-1][1] - stream[0][1])
            for stream in self.streams
        )
