"""A stand-in for the decoder's pipeline ``generate``: it gives the prompt's words back.

The words that begin with ``!`` are orders, and are not given back:

- ``!wait=SECONDS``: before each piece. ``!late=SECONDS``: before the second one.
- ``!count=N``: the words again and again, N of them.
- ``!refuse``, ``!busy``, ``!break``: INVALID_ARG, UNAVAILABLE, INTERNAL at once.
- ``!fail=N``: INTERNAL after N pieces. ``!half=N``: no more after N pieces, and no finish reason.
- ``!hang``: no answer until the request is cancelled.
- ``!inputs``: all that came in, as JSON, in one piece.
- ``!state``: how many requests are under way, how many were cancelled, and how many there were.
"""

import base64
import json
import threading
import time
from typing import Any

import numpy as np
import triton_python_backend_utils as pb

FAILED = "generate failed; the server's log says why"
REFUSALS = (
    ("refuse", "INVALID_ARG", "the prompt is refused"),
    ("busy", "UNAVAILABLE", "64 requests wait already; ask again later"),
    ("break", "INTERNAL", FAILED),
)


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self.lock = threading.Lock()
        self.state = {"under_way": 0, "cancelled": 0, "requests": 0}

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            inputs = {each.name(): each.as_numpy() for each in request.inputs()}
            coded = "error_code_in_text" in json.loads(request.parameters() or "{}")
            answered = (inputs, coded, request.get_response_sender())
            threading.Thread(target=self.answer, args=answered, daemon=True).start()

    def count(self, **by: int) -> None:
        with self.lock:
            for name, number in by.items():
                self.state[name] += number

    def answer(self, inputs: dict[str, Any], coded: bool, sender: Any) -> None:
        prompt = _prompt(inputs)
        if "!state" in prompt:
            return _Answer(sender, inputs, coded, 0).end(json.dumps(self.state), "stop")
        self.count(under_way=1, requests=1)
        try:
            self.write(inputs, coded, prompt, sender)
        except _Cancelled:
            self.count(cancelled=1)
            _last(sender)
        finally:
            self.count(under_way=-1)

    def write(self, inputs: dict[str, Any], coded: bool, prompt: list[str], sender: Any) -> None:
        orders = dict((f"{word[1:]}=".split("=")[:2]) for word in prompt if word.startswith("!"))
        words = [word for word in prompt if not word.startswith("!")]
        answer = _Answer(sender, inputs, coded, len(prompt))
        for order, code, text in REFUSALS:
            if order in orders:
                answer.fail(text, code)
                return
        if "inputs" in orders:
            answer.end(json.dumps(_told(inputs)), "stop")
            return
        while "hang" in orders:
            answer.wait(0.01)
        most = int(inputs.get("max_tokens", [256])[0])
        wanted = int(orders.get("count", len(words)))
        words = [words[number % len(words)] for number in range(wanted)] if words else []
        for number, word in enumerate(words[:most]):
            answer.wait(float(orders.get("wait", 0)))
            answer.wait(float(orders.get("late", 0)) if number == 1 else 0)
            if number == int(orders.get("fail", -1)):
                answer.fail(FAILED)
                return
            if number == int(orders.get("half", -1)):
                _last(sender)
                return
            answer.piece(word if number == 0 else f" {word}")
        answer.end("", "stop" if len(words) <= most else "length")


class _Cancelled(Exception):
    pass


class _Answer:
    def __init__(
        self, sender: Any, inputs: dict[str, Any], coded: bool, prompt_tokens: int
    ) -> None:
        self.sender, self.coded, self.prompt_tokens = sender, coded, prompt_tokens
        self.stream = bool(inputs.get("stream", [False])[0])
        self.tokens, self.text = 0, ""

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            if self.sender.is_cancelled():
                raise _Cancelled
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.01))

    def piece(self, text: str) -> None:
        self.tokens += 1
        if self.stream:
            self.sender.send(self.response(text, ""))
        else:
            self.text += text

    def end(self, text: str, reason: str) -> None:
        self.sender.send(
            self.response(self.text + text, reason), flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
        )

    def fail(self, text: str, code: str = "INTERNAL") -> None:
        told = f"{code}: {text}" if self.coded else text
        error = pb.TritonError(told, getattr(pb.TritonError, code))
        self.sender.send(
            pb.InferenceResponse(error=error), flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
        )

    def response(self, text: str, reason: str) -> Any:
        return pb.InferenceResponse(
            [
                pb.Tensor("text_output", np.array([text.encode()], np.object_)),
                pb.Tensor("finish_reason", np.array([reason.encode()], np.object_)),
                pb.Tensor("prompt_tokens", np.array([self.prompt_tokens], np.int32)),
                pb.Tensor("cached_tokens", np.array([0], np.int32)),
                pb.Tensor("completion_tokens", np.array([self.tokens], np.int32)),
            ]
        )


def _last(sender: Any, response: Any = None) -> None:
    sender.send(response, flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _prompt(inputs: dict[str, Any]) -> list[str]:
    """The words of the prompt, or of the last message."""
    if "text_input" in inputs:
        text: str = inputs["text_input"][0].decode()
        return text.split()
    content: Any = json.loads(inputs["messages"][0])[-1]["content"]
    if isinstance(content, list):
        content = " ".join(part["text"] for part in content if part["type"] == "text")
    return str(content).split()


def _told(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs as JSON has them: texts as texts, files in base64, messages as they are."""
    told = {name: array.tolist() for name, array in inputs.items()}
    for name in ("text_input", "stop"):
        if name in told:
            told[name] = [each.decode() for each in told[name]]
    if "image" in told:
        told["image"] = [base64.b64encode(each).decode() for each in told["image"]]
    if "messages" in told:
        told["messages"] = json.loads(told["messages"][0])
    return told
