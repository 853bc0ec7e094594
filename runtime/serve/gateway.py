"""OpenAI's API beside a server: ``python -m gateway`` as a process that ends with it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from repository.children import ending_with_parent
from repository.places import ROOT
from runtime.errors import ServerFailed
from runtime.options.addresses import Address
from runtime.server import deaths
from runtime.watch.backoff import BackOff


class Gateway:
    """A gateway that asks a server, and is started again if it dies.

    It starts and ends with the context.

    Args:
        grpc: the server's gRPC endpoint.
        address: where it listens.
        port: likewise; 0 takes a free one.
        exit_seconds: how long requests under way may take at the end.
        most: how often within ten minutes it is started again.
        report: is told what happens to it.

    Attributes:
        url: of the API.

    Raises:
        ServerFailed: it did not start; it has told why itself.
    """

    def __init__(
        self,
        grpc: str,
        address: Address,
        port: int,
        *,
        exit_seconds: float,
        most: int,
        report: Callable[[str], None],
    ) -> None:
        self._grpc, self._address, self._port = grpc, address, port
        self._exit_seconds, self._report = exit_seconds, report
        self._restarts = BackOff(deaths.WINDOW_SECONDS, most)
        self._ended = threading.Event()
        self._changing = threading.Lock()
        self._watch = threading.Thread(target=self._keep_up, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._process, self.url = self._started()
        if not self.url:
            code = self._process.wait()
            raise ServerFailed(
                f"The gateway did not start (exit code {code}); what it said stands above."
            )
        self._port = urlsplit(self.url).port or self._port
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with self._changing:
            self._process.terminate()
        try:
            self._process.wait(self._exit_seconds + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._watch.join()

    def _started(self) -> tuple[subprocess.Popen[str], str]:
        """Starts it, and waits until it listens, or has ended; its URL is empty then."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gateway"),
                *("--triton", self._grpc),
                *("--host", self._address.ip),
                *("--port", str(self._port)),
                *("--exit-seconds", str(self._exit_seconds)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is meant for the server, which ends its gateway itself.
            start_new_session=True,
            preexec_fn=ending_with_parent(signal.SIGTERM),
        )
        assert process.stdout is not None
        try:
            with process.stdout as said:
                found = re.search(r"https?://\S+", said.readline())
        except BaseException:
            process.kill()
            raise
        return process, found[0] if found else ""

    def _keep_up(self) -> None:
        while True:
            code = self._process.wait()
            if self._ended.is_set():
                return
            wait = self._restarts.wait()
            if wait is None:
                self._report("The gateway died too often, and is not started again.")
                return
            self._report(f"The gateway died ({deaths.sentence(code)}); it is started again.")
            self._ended.wait(wait)
            with self._changing:
                if self._ended.is_set():
                    return
                self._process, _ = self._started()
