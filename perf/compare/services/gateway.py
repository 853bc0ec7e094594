"""A gateway's process, seen from its owner."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Literal, Self

from perf.compare.services import kserve_environment
from perf.compare.services.plan import Plan
from perf.errors import LegFailed
from repository.places import ROOT

Kind = Literal["tritonclient", "kserve"]
"""A small server on tritonclient's own servicer, or KServe's model server."""

START_SECONDS = 120.0
"""How long a start may take; KServe's takes seconds, and more on a machine that is busy."""


class Gateway:
    """One process that answers a pipeline's requests by calling its steps' servers.

    Several may stand before the same servers. It ends with its owner, also when that is killed.

    Args:
        plan: the pipeline.
        addresses: composing model -> ``host:port`` of the gRPC endpoint that serves it.
        kind: what it is made of.
    """

    def __init__(
        self, plan: Plan, addresses: Mapping[str, str], *, kind: Kind = "tritonclient"
    ) -> None:
        self._plan = plan
        self._addresses = dict(addresses)
        self._kind = kind
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """``host:port`` of its gRPC endpoint; the model's name there is the pipeline's."""
        return self._address

    @property
    def pid(self) -> int:
        """Its process id; 0 when it does not run."""
        return self._process.pid if self._process is not None else 0

    def __enter__(self) -> Self:
        """Starts it and waits until it listens.

        Raises:
            LegFailed: it did not start; or, of KServe's, its environment could not be made.
        """
        command = self._command()
        # A file, because reading a pipe would take time from the process that measures.
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(os.environ) | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # Ctrl-C is for the owner, who then ends this.
            start_new_session=True,
        )
        try:
            self._tell()
            self._address = self._hear()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends it, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _command(self) -> list[str]:
        if self._kind == "tritonclient":
            return [sys.executable, "-m", "perf.compare.services.gateway_tritonclient"]
        return [
            str(kserve_environment.install() / "bin" / "python3"),
            *("-m", "perf.compare.services.gateway_kserve"),
            # Its default is 8 MiB, less than a large page.
            *("--grpc_max_send_message_length", "-1", "--grpc_max_receive_message_length", "-1"),
        ]

    def _tell(self) -> None:
        assert self._process is not None and self._process.stdin is not None
        told = json.dumps({"plan": self._plan.to_json(), "addresses": self._addresses})
        try:
            self._process.stdin.write(told.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failed("ended as it started") from None

    def _hear(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        deadline = time.monotonic() + START_SECONDS
        heard = b""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while not heard.endswith(b"\n"):
                if not selector.select(deadline - time.monotonic()):
                    raise self._failed(f"did not listen within {START_SECONDS:g} s")
                data = os.read(pipe, 256)
                if not data:
                    raise self._failed("ended as it started")
                heard += data
        return heard.decode().strip()

    def _failed(self, how: str) -> LegFailed:
        assert self._log is not None
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines()]
        said = next((line for line in reversed(lines) if line), "it said nothing")
        return LegFailed(f"The {self._kind} gateway {how}: {said}")
