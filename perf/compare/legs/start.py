"""Starts what the modes of a comparison need, and ends it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from perf.compare.legs import one_server
from perf.compare.legs.called import in_process
from perf.compare.legs.served import Served
from perf.compare.legs.target import Target
from perf.compare.preflight import config_from, config_in
from perf.compare.services import Gateway, StepServers
from perf.compare.services.gateway import Kind
from perf.errors import LegFailed, PerfError
from perf.measure.inputs import Request
from perf.result import Mode
from repository.config.facts import composing, is_decoupled
from repository.layout import BLS_SUFFIX, FUSED_SUFFIX
from runtime.errors import RuntimeFailure

if TYPE_CHECKING:
    from perf.measure.analyzer import Analyzer

IN_ONE_SERVER: tuple[Mode, ...] = ("ensemble", "fused", "bls", "chained")
GATEWAYS: dict[Mode, Kind] = {"services": "tritonclient", "services-kserve": "kserve"}


@dataclass(frozen=True)
class Address:
    """A server that runs already.

    Attributes:
        grpc: ``host:port`` of its gRPC endpoint.
        http: of its HTTP endpoint, if it is known.
    """

    grpc: str
    http: str | None = None


@dataclass
class Targets:
    """All modes of a comparison; each runs once it is entered.

    Attributes:
        config: the pipeline's ``ModelConfig``.
        modes: which.
        requests: what they are called with.
        repository: the built model repository; not needed by modes of a server that runs.
        address: of a server that runs already, instead of one that is started here.
        analyzer: what drives perf_analyzer's legs.
        timeout_seconds: the longest that a request may take.
        tell: hears what is being started.
        running: by mode, those that started.
        failures: by mode, why the others did not.
        server_version: the version that the ensemble's server reports, as "2.51.0".
    """

    config: Any
    modes: Sequence[Mode]
    requests: list[Request]
    repository: Path | None
    address: Address | None
    analyzer: Analyzer | None
    timeout_seconds: float
    tell: Callable[[str], None]
    running: dict[Mode, Target] = field(default_factory=dict)
    failures: dict[Mode, str] = field(default_factory=dict)
    server_version: str | None = None
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        """Starts them; a mode that does not start is among the failures."""
        with contextlib.ExitStack() as starting:
            self._open = starting
            if wanted := [mode for mode in IN_ONE_SERVER if mode in self.modes]:
                self._start(wanted, self._in_one_server)
            if wanted := [mode for mode in GATEWAYS if mode in self.modes]:
                self._start(wanted, self._services)
            if "in-process" in self.modes:
                self._start(["in-process"], self._in_process)
            self._open = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends them."""
        self._open.close()

    @property
    def composing(self) -> list[str]:
        """The pipeline's models, each once."""
        return list(composing(self.config))

    def _start(self, modes: Sequence[Mode], start: Callable[[Sequence[Mode]], None]) -> None:
        there = self.address is not None and modes[0] in IN_ONE_SERVER
        self.tell(f"{'reaching' if there else 'starting'} {', '.join(modes)}")
        try:
            start(modes)
        except (PerfError, RuntimeFailure) as problem:
            self.failures |= dict.fromkeys(modes, str(problem))

    def _add(self, mode: Mode, target: Target) -> None:
        self._open.callback(target.close)
        self.running[mode] = target

    def _in_one_server(self, modes: Sequence[Mode]) -> None:
        if self.address is not None:
            server = one_server.running(self.address.grpc, self.address.http)
        else:
            forms: dict[Mode, str] = {"bls": BLS_SUFFIX, "fused": FUSED_SUFFIX}
            server = one_server.started(
                self._open,
                self._needed_repository(),
                [*self.composing, *(self._fused() if "fused" in modes else ())],
                [self.config.name, *(self.config.name + forms[m] for m in modes if m in forms)],
            )
        self.server_version = server.version
        for mode in modes:
            with self._or_failed(mode):
                self._add(mode, self._on(server, mode))

    def _on(self, server: one_server.OneServer, mode: Mode) -> Target:
        if mode == "chained":
            return server.chained(
                self.config.name, self.composing, self.requests, self.timeout_seconds
            )
        if mode == "fused":
            name = self.config.name + FUSED_SUFFIX
            return server.served(name, self._fused(), self.requests, self.analyzer)
        model = self.config.name + (BLS_SUFFIX if mode == "bls" else "")
        return server.served(
            model,
            self.composing,
            self.requests,
            self.analyzer,
            decoupled=is_decoupled(self.config),
        )

    def _fused(self) -> list[str]:
        """The models of the fused pipeline's steps.

        Raises:
            ScenarioError: there is no such pipeline.
        """
        name = self.config.name + FUSED_SUFFIX
        if self.repository is not None:
            return list(composing(config_in(self.repository, name)))
        assert self.address is not None
        return list(composing(config_from(self.address.grpc, name)))

    def _services(self, modes: Sequence[Mode]) -> None:
        steps = self._open.enter_context(StepServers(self._needed_repository(), self.config.name))
        for mode in modes:
            with self._or_failed(mode):
                gateway = Gateway(steps.plan, steps.addresses, kind=GATEWAYS[mode])
                self._open.enter_context(gateway)
                self._add(mode, self._behind(gateway, steps, mode))

    def _behind(self, gateway: Gateway, steps: StepServers, mode: Mode) -> Target:
        # KServe's model server keeps no statistics.
        entry = self.config.name if GATEWAYS[mode] == "tritonclient" else None
        return Served(
            self.requests,
            models=steps.addresses | ({entry: gateway.address} if entry else {}),
            parts={**steps.parts, "gateway": lambda: [gateway.pid]},
            model=self.config.name,
            grpc=gateway.address,
            analyzer=self.analyzer,
            entry=entry,
        )

    def _in_process(self, modes: Sequence[Mode]) -> None:
        for mode in modes:
            repository = self._needed_repository()
            self._add(mode, in_process(repository, self.config.name, self.requests))

    @contextlib.contextmanager
    def _or_failed(self, mode: Mode) -> Iterator[None]:
        try:
            yield
        except PerfError as problem:
            self.failures[mode] = str(problem)

    def _needed_repository(self) -> Path:
        if self.repository is None:
            raise LegFailed("it needs the model repository: give that too")
        return self.repository
