"""The modes of one Triton with the whole pipeline: the ensemble, its fused form, its BLS twin, and
the chained client that calls the same models."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tritonclient.utils import InferenceServerException

from clients.connection.address import parse
from clients.connection.connection import Client
from perf.compare.legs.called import Called, chained
from perf.compare.legs.served import Served
from perf.errors import LegFailed
from perf.measure.inputs import Request
from perf.measure.usage import Pids, parts_of_server
from runtime.options.calls import with_called
from runtime.server.server import LocalServer

if TYPE_CHECKING:
    from perf.measure.analyzer import Analyzer


@dataclass(frozen=True)
class OneServer:
    """A Triton that runs.

    Attributes:
        grpc: ``host:port`` of its gRPC endpoint.
        http: of its HTTP endpoint, if it is known.
        version: the version that it reports, as "2.51.0".
        parts: its processes, by part; empty for a server that was not started here.
        broken: model -> why it did not load.
        called: models that other models' code calls: their processes are part of every mode, and
            their time is part of their callers'.
    """

    grpc: str
    http: str | None
    version: str
    parts: Mapping[str, Pids] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    called: Sequence[str] = ()

    def served(
        self,
        model: str,
        composing: Sequence[str],
        requests: list[Request],
        analyzer: Analyzer | None,
        *,
        decoupled: bool = False,
    ) -> Served:
        """The ensemble, plain or fused, or its BLS twin.

        Of a decoupled model the server counts the time until its code has taken a request, which
        is not told.

        Raises:
            LegFailed: it, or a model that it calls, did not load.
        """
        # An ensemble whose composing model is missing only repeats that, so those come first.
        models = self._loaded([*composing, model])
        return Served(
            requests,
            models={} if decoupled else models,
            parts=self._parts(models),
            entry=None if decoupled else model,
            model=model,
            grpc=self.grpc,
            http=self.http,
            analyzer=analyzer,
            decoupled=decoupled,
        )

    def chained(
        self,
        pipeline: str,
        composing: Sequence[str],
        requests: list[Request],
        timeout_seconds: float,
    ) -> Called:
        """The client that calls each step.

        Raises:
            PerfError: a step's model, or the ensemble that tells the steps, did not load.
        """
        models = self._loaded(composing)
        target = chained(self.grpc, pipeline, requests, timeout_seconds)
        target.models, target.parts = models, self._parts(models)
        return target

    def _loaded(self, models: Sequence[str]) -> dict[str, str]:
        for name in (*self.called, *models):
            if name in self.broken:
                raise LegFailed(f"model '{name}' did not load: {self.broken[name]}")
        return dict.fromkeys(models, self.grpc)

    def _parts(self, models: Mapping[str, str]) -> dict[str, Pids]:
        """The processes of these models: the BLS twin's are no part of the ensemble."""
        own = {"server", *self.called, *models}
        return {name: pids for name, pids in self.parts.items() if name in own}


def started(
    open_: contextlib.ExitStack, repository: Path, composing: Sequence[str], load: Sequence[str]
) -> OneServer:
    """Starts a Triton.

    Args:
        open_: ends it.
        repository: the built model repository.
        composing: the models of the pipeline's steps.
        load: them, and the models over them; one that does not load is among the broken ones.

    Raises:
        RuntimeFailure: it did not start.
        LegFailed: it ended at once.
    """
    every = [*composing, *load]
    called = [name for name in with_called(repository, every, steps=True) if name not in every]
    server = LocalServer(repository, load=every, open_groups=("shared-memory",))
    server.start()
    # No request is under way at the end, and an orderly one takes seconds.
    open_.callback(server.stop, now=True)
    broken = {status.name: status.reason for status in server.failed_models()}
    for name in (*called, *every):
        if not (repository / name).is_dir():
            broken[name] = "the repository has no such model (for a BLS twin, set bls: true)"
    return OneServer(
        server.grpc, server.http, _version(server.grpc), parts_of_server(server), broken, called
    )


def running(grpc: str, http: str | None) -> OneServer:
    """A Triton that somebody else started.

    Raises:
        LegFailed: it does not answer.
    """
    return OneServer(grpc, http, _version(grpc))


def _version(address: str) -> str:
    try:
        with Client(parse(address)) as client:
            return str(client.get_server_metadata().version)
    except InferenceServerException as problem:
        raise LegFailed(f"no server answers at {address}") from problem
