"""A mode with an endpoint: the ensemble, its BLS twin, and the gateways before the services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from perf.compare.legs.target import Effort, Target, load
from perf.errors import LegFailed
from perf.measure.endpoint import Endpoint
from perf.measure.loader import Sample
from perf.result import Leg

if TYPE_CHECKING:
    from perf.measure.analyzer import Analyzer


@dataclass
class Served(Target):
    """A model at an address.

    Attributes:
        model: its name there.
        grpc: ``host:port`` of its gRPC endpoint.
        http: ``host:port`` of its HTTP endpoint, if it has one.
        analyzer: what drives it in legs of perf_analyzer.
        decoupled: whether it answers in pieces.
    """

    model: str = ""
    grpc: str = ""
    http: str | None = None
    analyzer: Analyzer | None = field(default=None, repr=False)
    decoupled: bool = False

    def outputs(self, i: int) -> Mapping[str, np.ndarray]:
        """All outputs of one request, over gRPC."""
        with Endpoint(self.grpc, self.model, self.requests, decoupled=self.decoupled) as endpoint:
            return endpoint.outputs(i)

    def sample(self, leg: Leg, effort: Effort) -> Sample:
        """One measurement, by what the leg says."""
        protocol: Literal["grpc", "http"] = "http" if leg.protocol == "http" else "grpc"
        address = self.http if protocol == "http" else self.grpc
        if address is None:
            raise LegFailed(f"the HTTP address of '{self.model}' is not known: give it too")
        if leg.loader == "perf_analyzer":
            if self.analyzer is None:
                raise LegFailed("there is no perf_analyzer")
            return self.analyzer.run(
                model=self.model,
                address=address,
                protocol=protocol,
                requests=self.requests,
                load=leg.load,
                count=effort.count,
                warmup=effort.warmup,
                shared_memory=leg.shared_memory,
                seed=effort.seed,
                timeout_seconds=effort.timeout_seconds,
            )
        with Endpoint(
            address,
            self.model,
            self.requests,
            protocol=protocol,
            shared_memory=leg.shared_memory,
            timeout_seconds=effort.timeout_seconds,
            decoupled=self.decoupled,
        ) as endpoint:
            return load(endpoint, leg, effort)
