"""Our decoder as it is asked: over gRPC, streamed, several prompts at once; and in process."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Self

import numpy as np
import tritonclient.grpc as grpc

from perf.against.rivals.round import Round
from perf.errors import LegFailed
from repository.arrays import Arrays

PIPELINE = "generate"

PATIENCE = 600.0
"""Seconds for a round."""


def asked(prompt: str | Arrays, tokens: int) -> dict[str, np.ndarray]:
    """A greedy request of so many new tokens, whatever they are.

    Args:
        prompt: a text; or inputs, as ``messages`` with images.
        tokens: new ones.
    """
    if isinstance(prompt, str):
        prompt = {"text_input": np.array([prompt.encode()], object)}
    return {
        **prompt,
        "max_tokens": np.array([tokens], np.int32),
        "ignore_eos": np.array([True]),
        "stream": np.array([True]),
    }


def chat(text: str, images: Sequence[bytes] = ()) -> Arrays:
    """A chat of one question about images, as inputs."""
    parts: list[dict[str, str]] = [{"type": "image"} for _ in images]
    parts.append({"type": "text", "text": text})
    messages = json.dumps([{"role": "user", "content": parts}]).encode()
    inputs: Arrays = {"messages": np.array([messages], object)}
    return {**inputs, "image": np.array(images, object)} if images else inputs


@dataclass
class _Stream:
    """One request under way.

    Attributes:
        pieces: seconds since the round began, and new tokens so far.
        cached: tokens of the prompt that were not computed again.
        prompt: its tokens.
        ended: whether the last response was there.
    """

    pieces: list[tuple[float, int]]
    cached: int = 0
    prompt: int = 0
    ended: bool = False


@dataclass(frozen=True)
class Answered:
    """A round, and what its answers said of their prompts.

    Attributes:
        round: when which tokens came.
        cached: of each prompt, tokens that were not computed again.
        prompts: tokens of each.
    """

    round: Round
    cached: tuple[int, ...]
    prompts: tuple[int, ...]


class Served:
    """The pipeline of a server, asked on one gRPC stream.

    Args:
        address: of Triton's gRPC endpoint.
    """

    def __init__(self, address: str) -> None:
        self._client = grpc.InferenceServerClient(address)
        self._changed = threading.Condition()
        self._streams: dict[str, _Stream] = {}
        self._problem: Exception | None = None
        self._start = 0.0
        self._number = 0
        self._client.start_stream(self._took)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the stream."""
        self._client.stop_stream()
        self._client.close()

    def decode(
        self,
        prompts: Sequence[str | Arrays],
        tokens: int | Sequence[int],
        late: Mapping[int, int] | None = None,
    ) -> Answered:
        """Decodes prompts together.

        Args:
            prompts: as :func:`asked` has them.
            tokens: new ones of each.
            late: a prompt's number -> it is sent only when each of the others has so many tokens.
                Its times too count from the beginning of the round.

        Raises:
            LegFailed: a request was refused, or answered by other than so many tokens.
        """
        late = late or {}
        counts = [tokens] * len(prompts) if isinstance(tokens, int) else list(tokens)
        names = [self._name() for _ in prompts]
        with self._changed:
            self._streams = {name: _Stream([]) for name in names}
            self._problem = None
        self._start = perf_counter()
        for number, name in enumerate(names):
            if number not in late:
                self._send(name, prompts[number], counts[number])
        for number, wanted in late.items():
            others = [self._streams[names[each]] for each in range(len(names)) if each not in late]
            self._wait(
                lambda others=others, wanted=wanted: all(
                    each.pieces and each.pieces[-1][1] >= wanted for each in others
                )
            )
            self._send(names[number], prompts[number], counts[number])
        self._wait(lambda: all(each.ended for each in self._streams.values()))
        found = [self._streams[name] for name in names]
        if [each.pieces[-1][1] for each in found] != counts:
            raise LegFailed(
                f"{PIPELINE}: expected {counts} new tokens, found "
                f"{[each.pieces[-1][1] for each in found]}"
            )
        return Answered(
            Round.of([each.pieces for each in found]),
            tuple(each.cached for each in found),
            tuple(each.prompt for each in found),
        )

    def _name(self) -> str:
        self._number += 1
        return str(self._number)

    def _send(self, name: str, prompt: str | Arrays, tokens: int) -> None:
        inputs = []
        for tensor, array in asked(prompt, tokens).items():
            kind = grpc_kind(array)
            made = grpc.InferInput(tensor, list(array.shape), kind)
            made.set_data_from_numpy(array)
            inputs.append(made)
        self._client.async_stream_infer(PIPELINE, inputs, request_id=name)

    def _took(self, result: grpc.InferResult | None, error: Exception | None) -> None:
        now = perf_counter()
        with self._changed:
            if error is not None or result is None:
                self._problem = error or LegFailed(f"{PIPELINE}: an empty answer")
            elif (stream := self._streams.get(result.get_response().id)) is not None:
                have = _number(result, "completion_tokens")
                # The last response may have no new token.
                if not stream.pieces or have > stream.pieces[-1][1]:
                    stream.pieces.append((now - self._start, have))
                stream.cached = _number(result, "cached_tokens")
                stream.prompt = _number(result, "prompt_tokens")
                reason = result.as_numpy("finish_reason")
                stream.ended = reason is not None and bool(reason[0])
            self._changed.notify()

    def _wait(self, done: object) -> None:
        assert callable(done)
        with self._changed:
            came = self._changed.wait_for(lambda: self._problem is not None or done(), PATIENCE)
            if self._problem is not None:
                raise LegFailed(f"{PIPELINE}: {self._problem}") from self._problem
            if not came:
                raise LegFailed(f"{PIPELINE}: expected an answer within {PATIENCE:g} s, found none")


def grpc_kind(array: np.ndarray) -> str:
    """Triton's name of an array's data type."""
    from tritonclient.utils import np_to_triton_dtype

    return str(np_to_triton_dtype(array.dtype))


def _number(result: grpc.InferResult, name: str) -> int:
    array = result.as_numpy(name)
    if array is None:
        raise LegFailed(f"{PIPELINE}: expected the output {name}, found none")
    return int(array[0])


class InProcessDecoder:
    """The pipeline of a repository, run in this process.

    Its answers are seen when they are whole.

    Args:
        repository: a built one.
    """

    def __init__(self, repository: Path) -> None:
        from runtime.inprocess import InProcess

        self._process = InProcess(repository)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def decode(self, prompts: Sequence[str | Arrays], tokens: int) -> Round:
        """Decodes prompts together."""
        self._process.load(PIPELINE)
        start = perf_counter()

        def one(prompt: str | Arrays) -> list[tuple[float, int]]:
            answer = self._process.run(PIPELINE, asked(prompt, tokens))
            return [(perf_counter() - start, int(answer["completion_tokens"][-1]))]

        with ThreadPoolExecutor(len(prompts)) as pool:
            return Round.of(list(pool.map(one, prompts)))
