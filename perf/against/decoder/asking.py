"""Has perf_analyzer ask for chats, over gRPC or through the gateway, and reads when pieces came."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from perf.against.decoder.served import PIPELINE
from perf.errors import LegFailed
from perf.measure.analyzer import export, process
from perf.measure.analyzer.analyzer import Analyzer, measured

GRPC, GATEWAY = "gRPC", "gateway"

_WAYS = {
    GRPC: ("-i", "grpc", "--streaming"),
    # 2.51 takes --streaming with gRPC alone; the requests themselves ask for a stream.
    GATEWAY: ("--service-kind", "openai", "--endpoint", "v1/chat/completions", "--async"),
}
_INPUTS, _EXPORT = "inputs.json", "export.json"
_PATIENCE = 600.0


@dataclass(frozen=True)
class Chat:
    """What a client asks, over and over.

    Attributes:
        text: the one message.
        tokens: of the answer.
        options: further inputs, by names that both ways have.
    """

    text: str
    tokens: int
    options: dict[str, float]


@dataclass(frozen=True)
class Answers:
    """When answers came.

    Attributes:
        first: seconds from a request to its first piece, the median.
        token: seconds for a further token, the mean.
    """

    first: float
    token: float

    @staticmethod
    def of(answered: Sequence[export.Timestamps], chats: Sequence[Chat]) -> Answers:
        """Those of requests that asked each chat equally often."""
        further = sum(each.tokens - 1 for each in chats) * len(answered) / len(chats)
        return Answers(
            median(each.first - each.sent for each in answered) / 1e9,
            sum(each.answered - each.first for each in answered) / further / 1e9,
        )


def answers(
    analyzer: Analyzer, way: str, address: str, chats: Sequence[Chat], times: int
) -> Answers:
    """Asks with as many clients as there are chats, each of which is asked once before.

    Args:
        analyzer: asks.
        way: :data:`GRPC` or :data:`GATEWAY`.
        address: ``host:port``.
        chats: what is asked, one after the other.
        times: how often each.

    Raises:
        LegFailed: a request failed, or perf_analyzer did.
    """
    made = _over_grpc if way == GRPC else _through_gateway
    clients, count = str(len(chats)), times * len(chats)
    with tempfile.TemporaryDirectory(prefix="perf_analyzer-") as name:
        folder = Path(name)
        (folder / _INPUTS).write_text(json.dumps({"data": [made(each) for each in chats]}))
        command = [str(analyzer.path), "-m", PIPELINE, "-u", address, *_WAYS[way]]
        command += ["--input-data", _INPUTS, "--profile-export-file", _EXPORT]
        command += ["--concurrency-range", clients, "--warmup-request-count", clients]
        measure = partial(
            process.run,
            [*command, "--request-count", str(count)],
            folder,
            variables=process.variables(analyzer.libraries, address),
            regions=[],
            timeout_seconds=_PATIENCE,
        )
        answered = measured(measure, folder / _EXPORT)
    if len(answered) != count:
        raise LegFailed(f"{way}: expected {count} answers, found {len(answered)}")
    return Answers.of(answered, chats)


def _messages(chat: Chat) -> list[dict[str, str]]:
    return [{"role": "user", "content": chat.text}]


def _over_grpc(chat: Chat) -> dict[str, object]:
    inputs = {
        "messages": json.dumps(_messages(chat)),
        "max_tokens": chat.tokens,
        "ignore_eos": True,
        "stream": True,
        **chat.options,
    }
    return {name: {"content": [value], "shape": [1]} for name, value in inputs.items()}


def _through_gateway(chat: Chat) -> dict[str, object]:
    body = {
        "model": PIPELINE,
        "messages": _messages(chat),
        "max_tokens": chat.tokens,
        "ignore_eos": True,
        "stream": True,
        **chat.options,
    }
    return {"payload": [body]}
