"""A Triton for each composing model of a pipeline."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from perf.compare.services.plan import Plan, read_plan
from perf.errors import LegFailed
from runtime.errors import RuntimeFailure
from runtime.machine.environment import ServerEnvironment
from runtime.server.control import CallFailed
from runtime.server.run import LogSink
from runtime.server.server import LocalServer
from runtime.watch import stubs


class StepServers:
    """Every distinct composing model in a server process of its own, from the same repository, so
    with the same configs, instances and threads as in the one Triton that they are compared with.

    Args:
        repository: the built model repository.
        pipeline: the ensemble whose steps are served.
        environment: the server environment; the project's own by default.
        log: gets each line of the servers' output, from a thread of each server.

    Raises:
        LegFailed: the repository has no such ensemble.
    """

    def __init__(
        self,
        repository: Path,
        pipeline: str,
        *,
        environment: ServerEnvironment | None = None,
        log: LogSink | None = None,
    ) -> None:
        self._plan = read_plan(repository, pipeline)
        self._servers = {
            model: LocalServer(repository, load=(model,), environment=environment, log=log)
            for model in self._plan.models
        }

    @property
    def plan(self) -> Plan:
        """What a gateway before these servers has to do."""
        return self._plan

    @property
    def servers(self) -> dict[str, LocalServer]:
        """Composing model -> its server."""
        return dict(self._servers)

    @property
    def addresses(self) -> dict[str, str]:
        """Composing model -> ``host:port`` of its server's gRPC endpoint."""
        return {model: server.grpc for model, server in self._servers.items()}

    @property
    def parts(self) -> dict[str, Callable[[], list[int]]]:
        """The process ids, as they are when asked: ``server`` has all servers, and each composing
        model its stubs."""

        def stubs_of(server: LocalServer) -> Callable[[], list[int]]:
            return lambda: [stub.pid for stub in stubs.running(server.pid)]

        return {
            "server": lambda: [server.pid for server in self._servers.values()],
            **{model: stubs_of(server) for model, server in self._servers.items()},
        }

    def __enter__(self) -> Self:
        """Starts them side by side, as many at a time as the machine has cores.

        Raises:
            LegFailed: a server did not start, or did not load its model; the sentence names the
                step and Triton's reason.
        """
        try:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                starts = [pool.submit(self._start, model) for model in self._servers]
                try:
                    for start in starts:
                        start.result()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
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
        """Ends them, and waits for no request."""
        for server in self._servers.values():
            server.ask_to_stop(now=True)
        for server in self._servers.values():
            server.stop(now=True)

    def _start(self, model: str) -> None:
        server = self._servers[model]
        try:
            server.start()
            if server.control.is_ready(model):
                return
            reasons = [_one_line(status.reason) for status in server.failed_models()]
        except (RuntimeFailure, CallFailed) as error:
            raise LegFailed(f"The server of step '{model}' did not start: {error}") from error
        raise LegFailed(
            f"Step '{model}' did not load in a server of its own: "
            f"{'; '.join(reasons) or 'the repository has no such model'}"
        )


def _one_line(reason: str) -> str:
    """Triton's reason without the stack that its Python backend adds below ``At:``."""
    return " ".join(reason.partition("\n\nAt:")[0].split())
