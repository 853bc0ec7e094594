"""A real Triton of the demo repository, ways to ask it, and what it holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import psutil
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from runtime.guard import state
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.asr.sounds import EXAMPLES, encoded, talk
from tests.fuzz.case import LONGEST_SECONDS, Arrays, Outcome
from tests.fuzz.media import images

REPOSITORY = Path(__file__).parents[2] / "model_repository"


def file(name: str, content: bytes) -> dict[str, np.ndarray]:
    """A file's bytes as an input."""
    return {name: np.frombuffer(content, np.uint8)}


class Level:
    """What a server holds at a moment: bytes of memory and of /dev/shm, descriptors, processes."""

    def __init__(self, server: LocalServer) -> None:
        process = psutil.Process(server.pid)
        stubs = process.children(recursive=True)
        self.server = process.memory_info().rss
        self.stubs = sum(each.memory_full_info().pss for each in stubs)
        self.descriptors = process.num_fds()
        self.threads = process.num_threads()
        self.processes = {each.pid for each in stubs}
        prefix = state_prefix(server)
        self.shared = sum(
            path.stat().st_blocks * 512
            for path in state.SHARED_MEMORY.iterdir()
            if path.name.startswith(prefix)
        )

    def __str__(self) -> str:
        return (
            f"server {self.server >> 20} MiB, stubs {self.stubs >> 20} MiB in "
            f"{len(self.processes)} processes, /dev/shm {self.shared >> 20} MiB, "
            f"{self.descriptors} descriptors, {self.threads} threads"
        )


def state_prefix(server: LocalServer) -> str:
    """What the names of the server's regions in /dev/shm begin with."""
    variables = Path(f"/proc/{server.pid}/environ").read_bytes().split(b"\0")
    (found,) = (each for each in variables if each.startswith(f"{state.VARIABLE}=".encode()))
    identity = found.partition(b"=")[2].decode()
    return state.ServerState(state.base_folder() / identity).shared_memory_prefix


Result = grpc.InferResult | http.InferResult


def _described(name: str, array: np.ndarray) -> tuple[str, list[int], str]:
    return name, list(array.shape), np_to_triton_dtype(array.dtype)


class Target:
    """The server, started through the runtime, and its clients."""

    def __init__(self, environment: ServerEnvironment | None = None) -> None:
        self.server = LocalServer(REPOSITORY, environment=environment)

    def __enter__(self) -> Self:
        self.server.start()
        self.grpc = grpc.InferenceServerClient(self.server.grpc)
        self.http = http.InferenceServerClient(
            self.server.http, network_timeout=2 * LONGEST_SECONDS, connection_timeout=10
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.grpc.close()
        self.http.close()
        self.server.stop(now=True)

    def ask(
        self, model: str, inputs: Arrays, *, over: str = "grpc", **options: Any
    ) -> tuple[Outcome, dict[str, np.ndarray]]:
        """One inference: what came of it, and the outputs."""
        if over == "grpc":
            options["client_timeout"] = 2 * LONGEST_SECONDS
            sent = [grpc.InferInput(*_described(*each)) for each in inputs.items()]
            for over_grpc, array in zip(sent, inputs.values(), strict=True):
                over_grpc.set_data_from_numpy(array)
            infer: Callable[[], Result] = partial(self.grpc.infer, model, sent, **options)
        else:
            posted = [http.InferInput(*_described(*each)) for each in inputs.items()]
            for over_http, array in zip(posted, inputs.values(), strict=True):
                over_http.set_data_from_numpy(array)
            infer = partial(self.http.infer, model, posted, **options)
        began = time.monotonic()
        try:
            result = infer()
        except InferenceServerException as refusal:
            code = str(refusal.status()).removeprefix("StatusCode.")
            text = refusal.message() or ""
            return Outcome("refused", code, text, time.monotonic() - began), {}
        except Exception as broken:  # gevent's, socket's
            seconds = time.monotonic() - began
            return Outcome("closed", "", repr(broken), seconds, f"no answer: {broken!r}"), {}
        seconds = time.monotonic() - began
        if isinstance(result, http.InferResult):
            names = [each["name"] for each in result.get_response()["outputs"]]
        else:
            names = [each.name for each in result.get_response().outputs]
        arrays = {name: np.asarray(result.as_numpy(name)) for name in names}
        return Outcome("answered", seconds=seconds), arrays

    def is_same(self, level: Level) -> str:
        """ "", or how the server's processes are not those that they were."""
        if not psutil.pid_exists(self.server.pid) or not self.server.control.is_live():
            return "the server ended: " + " | ".join(self.server.log_lines[-5:])
        gone = level.processes - {
            each.pid for each in psutil.Process(self.server.pid).children(recursive=True)
        }
        return f"{len(gone)} stubs ended" if gone else ""


class Good:
    """Good requests, whose answers must stay what they were, to the last byte."""

    def __init__(self, target: Target) -> None:
        self._target = target
        word = images.seeds()["rgb.png"]
        samples = talk(2.9)
        self._requests: Sequence[tuple[str, str, Arrays]] = (
            ("ocr", "grpc", file("image", word)),
            ("asr", "http", file("audio", encoded(samples))),
            ("ocr_bls", "http", file("image", images.seeds()["lossy.webp"])),
            ("asr_bls", "grpc", {"samples": samples, "sample_rate": np.array([16_000], np.int32)}),
            ("decode_image", "http", file("image", images.seeds()["rgb.bmp"])),
            ("asr", "grpc", file("audio", (EXAMPLES / "talk-22050.mp3").read_bytes())),
        )
        self._next = 0
        self.asked = 0
        self._answers: dict[int, Mapping[str, bytes]] = {}
        for number in range(len(self._requests)):
            self._answers[number] = self._ask(number)

    def _ask(self, number: int) -> Mapping[str, bytes]:
        model, over, inputs = self._requests[number]
        outcome, outputs = self._target.ask(model, inputs, over=over)
        assert outcome.kind == "answered", f"{model}: {outcome}"
        assert all(array.size for array in outputs.values()), model
        return {
            name: repr(array.tolist()).encode() if array.dtype == np.object_ else array.tobytes()
            for name, array in outputs.items()
        }

    def check(self, *, all_of_them: bool = False) -> str:
        """Asks the next one, or all; "" or what is wrong with the answer."""
        count = len(self._requests) if all_of_them else 1
        for _ in range(count):
            number = self._next % len(self._requests)
            self._next += 1
            self.asked += 1
            model = self._requests[number][0]
            try:
                answer = self._ask(number)
            except AssertionError as wrong:
                return f"a good request of {model} was not answered: {wrong}"
            for name, expected in self._answers[number].items():
                if answer[name] != expected:
                    return f"a good request of {model} got another '{name}' than before"
        return ""
