"""The local engine of ``generate``: a prompt or a chat in, text out, piece by piece.

Its inputs and outputs are those of :mod:`builders.decoder.engines.contract`. Requests join and
leave between steps of one ONNX graph: :mod:`.running.scheduler`.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from builders.kit.unavailable import Unavailable

from .answering.answering import Answering
from .answering.sight import Seen, Sight, seen
from .answering.telling import Answer, Telling
from .asking.prompt import Prompts
from .asking.request import Ask, Limits, read, shares, tokens_to_generate
from .running.graph import Graph, Sizes
from .running.sampling import Sampler, Sampling
from .running.scheduler import Scheduler
from .writing.pieces import Writer
from .writing.stops import Stops

TOKEN_BYTES = 64
"""No text has so many for each of its tokens: a larger prompt is refused before it is encoded."""

READERS = 4
"""Threads that read requests and wait for the eye, while others are answered."""


def prepare(folder: Path, parameters: Mapping[str, str], host: Any) -> Generate:
    """The engine; its parameters are those of :func:`builders.decoder.engines.local.pipeline`."""
    return Generate(folder, parameters, host)


class Generate:
    """Answers requests.

    Args:
        folder: the version folder.
        parameters: ``slots``, ``context``, ``waiting``, ``max_tokens``, ``threads``, and perhaps
            ``eye``.
        host: as a streamed stage is given.
    """

    def __init__(self, folder: Path, parameters: Mapping[str, str], host: Any) -> None:
        settings = json.loads((folder / "decoder.json").read_text("utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        slots, self._context = int(parameters["slots"]), int(parameters["context"])
        waiting = int(parameters["waiting"])
        sizes = Sizes(**{name: settings[name] for name in Sizes.__dataclass_fields__})
        self._table = np.load(folder / "embeddings.npy", mmap_mode="r")
        self._eos = frozenset(settings["eos"])
        self._default = int(parameters["max_tokens"])
        self._prompts = Prompts(folder, settings, tokenizer)
        self._writer = Writer(tokenizer)
        eye = parameters.get("eye")
        sees = settings["image_token"] is not None
        self._limits = Limits(
            width=sizes.hidden if sees else 0,
            files=bool(eye),
            rows=self._context,
            text_bytes=self._context * TOKEN_BYTES,
        )
        self._sight = Sight(eye, host.call) if eye else None
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._unread = threading.BoundedSemaphore(waiting + slots)
        running = host.gauge("tmk_decoder_running", "Requests that have a slot.")
        queued = host.gauge("tmk_decoder_waiting", "Requests that wait for a slot.")
        host.gauge("tmk_decoder_slots", "Requests that can run at once.").set(slots)
        host.gauge("tmk_decoder_slot_bytes", "Bytes of the cache of a slot.").set(
            sizes.token_bytes * self._context
        )
        self._counters = (
            host.counter("tmk_decoder_prompt_tokens_total", "Tokens of prompts, computed."),
            host.counter("tmk_decoder_cached_tokens_total", "Tokens of prompts, kept from before."),
            host.counter("tmk_decoder_generated_tokens_total", "Tokens of answers."),
        )

        def watch(runs: int, waits: int) -> None:
            running.set(runs)
            queued.set(waits)

        self._told_full = f"{slots} requests are being answered and {waiting} wait; try again later"
        self._scheduler = Scheduler(
            Graph(folder / "decoder", sizes, slots, self._context, int(parameters["threads"])),
            self._embed,
            waiting,
            full=self._full,
            closed=lambda: Unavailable("the model is being unloaded; try again later"),
            watch=watch,
            thread=host.thread,
        )

    def start(self, inputs: Mapping[str, np.ndarray], answer: Answer) -> None:
        """Takes a request: see :mod:`builders.decoder.engines.contract`.

        Raises:
            InvalidArgument: a mistake in its inputs.
            Unavailable: as many wait as may.
        """
        ask = read(inputs, self._limits)
        if not self._unread.acquire(blocking=False):
            raise self._full()
        self._pool.submit(self._begin, ask, answer)

    def close(self) -> None:
        """Ends it; what is under way is answered with an error."""
        self._pool.shutdown(cancel_futures=True)
        self._scheduler.close()

    def _begin(self, ask: Ask, answer: Answer) -> None:
        try:
            if not answer.cancelled():
                self._scheduler.add(self._answering(ask, answer))
        except BaseException as problem:
            answer.fail(problem)
        finally:
            self._unread.release()

    def _full(self) -> Unavailable:
        return Unavailable(self._told_full)

    def _answering(self, ask: Ask, answer: Answer) -> Answering:
        draft = self._prompts.draft(ask)
        images = self._images(ask, len(draft.places))
        prompt = draft.filled([len(each.rows) for each in images])
        most = tokens_to_generate(ask.max_tokens, self._default, len(prompt.ids), self._context)
        sampling = Sampling(
            temperature=ask.temperature,
            top_p=ask.top_p,
            top_k=ask.top_k,
            frequency_penalty=ask.frequency_penalty,
            presence_penalty=ask.presence_penalty,
            seed=secrets.randbits(63) if ask.seed is None else ask.seed % (1 << 64),
        )
        return Answering(
            prompt.ids,
            list(zip(prompt.places, images, strict=True)),
            self._embed,
            Sampler(sampling),
            Telling(
                len(prompt.ids),
                most,
                frozenset() if ask.ignore_eos else self._eos,
                self._writer.begin(),
                Stops(ask.stop),
                ask.stream,
                answer,
            ),
            self._count,
        )

    def _images(self, ask: Ask, places: int) -> list[Seen]:
        if ask.image_rows is not None:
            tokens = ask.image_tokens or shares(len(ask.image_rows), max(places, 1))
            ends = np.cumsum(tokens)[:-1]
            return [seen(each, each.tobytes()) for each in np.split(ask.image_rows, ends)]
        if self._sight is not None and ask.image_files:
            return self._sight.of(ask.image_files)
        return []

    def _embed(self, tokens: np.ndarray) -> np.ndarray:
        rows: np.ndarray = self._table[tokens].astype(np.float32)
        return rows

    def _count(self, *numbers: int) -> None:
        for counter, number in zip(self._counters, numbers, strict=True):
            if number:
                counter.add(number)
