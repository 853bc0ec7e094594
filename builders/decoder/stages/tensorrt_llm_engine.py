"""``generate`` by a compiled engine of TensorRT-LLM, which the model ``tensorrt_llm`` runs.

Its inputs and outputs are those of :mod:`builders.decoder.engines.contract`; images are given as
embeddings, since the one image with this backend has none that could make them.
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

from builders.kit.invalid_argument import InvalidArgument
from builders.kit.unavailable import Unavailable

from .answering.telling import Answer, Telling
from .asking.prompt import Prompts
from .asking.request import Ask, Limits, read, shares, tokens_to_generate
from .compiled.tensors import WANTED, Vocabulary, tensors
from .writing.pieces import Writer
from .writing.stops import Stops


def prepare(folder: Path, parameters: Mapping[str, str], host: Any) -> Engine:
    """The engine; its parameters are those of the pipeline that declares it."""
    return Engine(folder, parameters, host)


class Engine:
    """Answers requests, a thread for each.

    Args:
        folder: the version folder.
        parameters: ``engine``, the model to ask; ``slots``, ``waiting``, ``context``,
            ``max_tokens``, ``max_input``, ``images``, ``image_rows``.
        host: as a streamed stage is given.
    """

    def __init__(self, folder: Path, parameters: Mapping[str, str], host: Any) -> None:
        settings = json.loads((folder / "decoder.json").read_text("utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        slots, waiting = int(parameters["slots"]), int(parameters["waiting"])
        images, self._rows = int(parameters["images"]), int(parameters["image_rows"])
        self._model, self._host = parameters["engine"], host
        self._context, self._longest = int(parameters["context"]), int(parameters["max_input"])
        self._default = int(parameters["max_tokens"])
        eos, pad = settings["eos"], settings["pad"]
        self._eos = frozenset(eos)
        self._vocabulary = Vocabulary(settings["vocab"], tuple(eos), eos[0] if pad is None else pad)
        self._limits = Limits(
            width=settings["hidden"] if images else 0,
            images=max(1, images),
            rows=max(1, images * self._rows),
        )
        self._prompts = Prompts(folder, settings, tokenizer)
        self._writer = Writer(tokenizer)
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="request")
        self._places = threading.BoundedSemaphore(slots + waiting)
        self._running = host.gauge("tmk_decoder_running", "Requests that the engine has.")
        self._waiting = host.gauge("tmk_decoder_waiting", "Requests that wait for the engine.")
        host.gauge("tmk_decoder_slots", "Requests that can run at once.").set(slots)
        self._told_full = f"{slots} requests are being answered and {waiting} wait; try again later"

    def start(self, inputs: Mapping[str, np.ndarray], answer: Answer) -> None:
        """Takes a request.

        Raises:
            InvalidArgument: a mistake in its inputs.
            Unavailable: as many wait as may.
        """
        ask = read(inputs, self._limits)
        if not self._places.acquire(blocking=False):
            raise Unavailable(self._told_full)
        self._waiting.add(1)
        try:
            self._pool.submit(self._begin, ask, answer)
        except BaseException:  # it is being unloaded
            self._waiting.add(-1)
            self._places.release()
            raise

    def close(self) -> None:
        """Ends it once what is under way is answered."""
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, ask: Ask, answer: Answer) -> None:
        self._waiting.add(-1)
        self._running.add(1)
        try:
            if answer.cancelled():
                answer.end()
            else:
                self._answer(ask, answer)
        except BaseException as problem:
            answer.fail(problem)
        finally:
            self._running.add(-1)
            self._places.release()

    def _answer(self, ask: Ask, answer: Answer) -> None:
        draft = self._prompts.draft(ask)
        rows = self._shares(ask, len(draft.places))
        prompt = draft.filled(rows)
        length = len(prompt.ids)
        if length > self._longest:
            raise InvalidArgument(
                f"the prompt has {length} tokens; expected at most {self._longest}, which the "
                "engine was built for"
            )
        most = tokens_to_generate(ask.max_tokens, self._default, length, self._context)
        images = list(zip(prompt.places, rows, strict=True))
        seed = secrets.randbits(63)
        asked = tensors(ask, prompt.ids, images, most, self._vocabulary, seed)
        telling = Telling(
            length,
            most,
            frozenset() if ask.ignore_eos else self._eos,
            self._writer.begin(),
            Stops(ask.stop),
            ask.stream,
            answer,
        )
        pieces = self._host.stream(self._model, asked, WANTED)
        try:
            for piece in pieces:
                count = int(piece["sequence_length"].reshape(-1)[0])
                for token in piece["output_ids"].reshape(-1)[:count].tolist():
                    if not telling.took(token):
                        return
                if telling.cancelled():
                    answer.end()
                    return
        finally:
            pieces.close()  # the engine works on otherwise, for nobody
        telling.ended()

    def _shares(self, ask: Ask, places: int) -> tuple[int, ...]:
        """How many rows each image of a request has."""
        if ask.image_rows is None:
            return ()
        found = ask.image_tokens or shares(len(ask.image_rows), max(places, 1))
        if max(found) > self._rows:
            raise InvalidArgument(
                f"image_embeds: expected at most {self._rows} rows of an image, which the engine "
                f"was built for, found {max(found)}"
            )
        return found
