"""Requests, streams, tokens and times, as Prometheus' text format has them."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from openai.types import CompletionUsage

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SHORT = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_LONG = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0)


class Histogram:
    """Times in buckets.

    Args:
        bounds: upper bounds in seconds, in order.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Counts a time."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def lines(self, name: str, labels: str = "") -> Iterator[str]:
        """As Prometheus has it.

        Args:
            name: the metric's.
            labels: as ``route="/v1/ocr"``.
        """
        total, comma = 0, "," if labels else ""
        braced = f"{{{labels}}}" if labels else ""
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}'
        yield f"{name}_sum{braced} {self._sum:.9g}"
        yield f"{name}_count{braced} {total}"


class Counts:
    """What one gateway counted since its start."""

    def __init__(self) -> None:
        self.under_way = 0
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self._streams = 0
        self._first, self._token = Histogram(_LONG), Histogram(_SHORT)
        self._tokens: Counter[str] = Counter()

    def request(self, route: str, code: int, seconds: float) -> None:
        """Counts a request that has ended.

        Args:
            route: its path as it is declared; a path that is not has ``other``.
            code: the HTTP status; 499 if the client left before one was sent.
            seconds: how long it took.
        """
        self._requests[route, code] += 1
        self._seconds.setdefault(route, Histogram(_LONG)).observe(seconds)

    @contextlib.contextmanager
    def streaming(self) -> Iterator[None]:
        """Counts a stream while it is under way."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def first_token(self, seconds: float) -> None:
        """Counts the time from a request to the first piece of its answer."""
        self._first.observe(seconds)

    def token(self, seconds: float) -> None:
        """Counts the time from one piece of an answer to the next."""
        self._token.observe(seconds)

    def tokens(self, usage: CompletionUsage) -> None:
        """Counts the tokens of a request that was answered."""
        self._tokens["prompt"] += usage.prompt_tokens
        self._tokens["completion"] += usage.completion_tokens

    def text(self) -> str:
        """All of it, in Prometheus' text format."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _head("requests_total", "counter", "Requests that have ended.")
        for (route, code), count in sorted(self._requests.items()):
            yield f'tmk_gateway_requests_total{{route="{route}",code="{code}"}} {count}'
        yield from _head("request_seconds", "histogram", "How long requests took.")
        for route, histogram in sorted(self._seconds.items()):
            yield from histogram.lines("tmk_gateway_request_seconds", f'route="{route}"')
        yield from _head("first_token_seconds", "histogram", "To the first piece of a stream.")
        yield from self._first.lines("tmk_gateway_first_token_seconds")
        yield from _head("token_seconds", "histogram", "From one piece of a stream to the next.")
        yield from self._token.lines("tmk_gateway_token_seconds")
        yield from _head("tokens_total", "counter", "Tokens of requests that were answered.")
        for kind in ("prompt", "completion"):
            yield f'tmk_gateway_tokens_total{{kind="{kind}"}} {self._tokens[kind]}'
        yield from _head("streams", "gauge", "Streams under way.")
        yield f"tmk_gateway_streams {self._streams}"
        yield from _head("requests_under_way", "gauge", "Requests under way.")
        yield f"tmk_gateway_requests_under_way {self.under_way}"


def _head(name: str, kind: str, says: str) -> Iterator[str]:
    yield f"# HELP tmk_gateway_{name} {says}"
    yield f"# TYPE tmk_gateway_{name} {kind}"
