"""The steps of a pipeline as separate services, which an ensemble is compared with.

::

    with Services(Path("model_repository"), "ocr") as services:
        print(services.address)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from perf.compare.services.gateway import Gateway, Kind
from perf.compare.services.step_servers import StepServers
from runtime.machine.environment import ServerEnvironment
from runtime.server.run import LogSink

__all__ = ["Gateway", "Services", "StepServers"]


class Services:
    """The servers of all steps and one gateway before them, ended with their owner.

    Args:
        repository: the built model repository.
        pipeline: the ensemble whose steps are served.
        gateway: what the gateway is made of.
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
        gateway: Kind = "tritonclient",
        environment: ServerEnvironment | None = None,
        log: LogSink | None = None,
    ) -> None:
        self._steps = StepServers(repository, pipeline, environment=environment, log=log)
        self._kind: Kind = gateway
        self._gateway: Gateway | None = None
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Starts all of it.

        Raises:
            LegFailed: a server or the gateway did not start.
        """
        with contextlib.ExitStack() as starting:
            starting.enter_context(self._steps)
            gateway = Gateway(self._steps.plan, self._steps.addresses, kind=self._kind)
            self._gateway = starting.enter_context(gateway)
            self._running = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends all of it."""
        self._running.close()

    @property
    def address(self) -> str:
        """``host:port`` of the gateway's gRPC endpoint; the model there is the pipeline."""
        return self._gateway.address if self._gateway is not None else ""

    @property
    def addresses(self) -> dict[str, str]:
        """Composing model -> ``host:port`` of its server's gRPC endpoint."""
        return self._steps.addresses

    @property
    def parts(self) -> dict[str, Callable[[], list[int]]]:
        """The process ids, as they are when asked: ``gateway``, ``server`` (all servers), and by
        composing model its stubs."""
        gateway = self._gateway
        return {
            **self._steps.parts,
            "gateway": lambda: [gateway.pid] if gateway is not None and gateway.pid else [],
        }
