"""A decoder for tests, with the contract of ``generate``: the last message says how it answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument
from builders.kit.unavailable import Unavailable

STEERS = "\x1b]0;mine\x07\x1b[2J\x9b31m\r\x7f é 日本\u00a0\u3000👩\u200d👧 \u202eback\tend"
"""What would steer a terminal, and what would not."""


class Talker:
    def __init__(self) -> None:
        self.left = self.waiting = 0

    def start(self, inputs: Mapping[str, Any], answer: Any) -> None:
        messages = json.loads(inputs["messages"][0])
        content = messages[-1]["content"]
        said = content if isinstance(content, str) else content[-1]["text"]
        if said == "refuse":
            raise InvalidArgument("max_tokens: expected fewer, found 7")
        if said == "full":
            raise Unavailable("all places are taken; try again later")
        work = getattr(self, f"on_{said.split()[0]}", self.on_words)
        threading.Thread(target=work, args=(said, inputs, answer), daemon=True).start()

    def sender(self, answer: Any) -> Callable[..., None]:
        count = 0

        def send(text: str | bytes, reason: str = "") -> None:
            nonlocal count
            count += 1
            piece = {
                "text_output": np.array([text.encode() if isinstance(text, str) else text], object),
                "finish_reason": np.array([reason.encode()], object),
                "prompt_tokens": np.array([7], np.int32),
                "cached_tokens": np.array([5], np.int32),
                "completion_tokens": np.array([count], np.int32),
            }
            (answer.end if reason else answer.send)(piece)

        return send

    def on_words(self, said: str, inputs: Mapping[str, Any], answer: Any) -> None:
        send = self.sender(answer)
        for word in said.split()[1:]:
            send(f"{word} ")
        send("", "stop")

    def on_echo(self, said: str, inputs: Mapping[str, Any], answer: Any) -> None:
        """All inputs, as JSON."""
        shown = {
            name: [each.decode("latin-1") if isinstance(each, bytes) else each for each in array]
            for name, array in ((name, array.tolist()) for name, array in inputs.items())
        }
        shown["messages"] = json.loads(inputs["messages"][0])
        self.sender(answer)(json.dumps(shown), "length")

    def on_wait(self, said: str, inputs: Mapping[str, Any], answer: Any) -> None:
        """A word, and then nothing for as long as somebody waits."""
        send = self.sender(answer)
        for word in said.split()[1:]:
            send(word)
        deadline = time.monotonic() + 60
        self.waiting += 1
        while not answer.cancelled() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.waiting -= 1
        self.left += answer.cancelled()
        answer.end()

    def on_left(self, said: str, inputs: Mapping[str, Any], answer: Any) -> None:
        """How many have left while they waited."""
        self.sender(answer)(str(self.left), "stop")

    def on_waiting(self, said: str, inputs: Mapping[str, Any], answer: Any) -> None:
        """How many wait."""
        self.sender(answer)(str(self.waiting), "stop")

    def on_fail(self, said: str, inputs: Mapping[str, Any], answer: Any) -> None:
        self.sender(answer)("half")
        answer.fail(InvalidArgument("not this word"))

    def on_steer(self, said: str, inputs: Mapping[str, Any], answer: Any) -> None:
        self.sender(answer)(STEERS, "stop")

    def on_cut(self, said: str, inputs: Mapping[str, Any], answer: Any) -> None:
        """Pieces that are cut within a character, as those of another maker's decoder may be."""
        send = self.sender(answer)
        send(b"1 \xe2\x82")
        send(b"\xac \xf0\x9f")
        send(b"", "stop")


def prepare(folder: Path, parameters: Mapping[str, str], host: Any) -> Talker:
    return Talker()
