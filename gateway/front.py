"""What a route needs to answer: the server, its models, and what is counted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from starlette.requests import Request

from gateway.asking.resolving import Resolver
from gateway.counting.counts import Counts
from gateway.settings import Settings
from gateway.triton.catalogue import Catalogue
from gateway.triton.server import Triton


@dataclass(frozen=True)
class Front:
    """One gateway.

    Attributes:
        settings: what it was started with.
        triton: the server behind.
        catalogue: its models.
        resolver: of what requests name.
        counts: what it counted.
        started: seconds since 1970.
    """

    settings: Settings
    triton: Triton
    catalogue: Catalogue
    resolver: Resolver
    counts: Counts
    started: int = field(default_factory=lambda: int(time.time()))


def front_of(request: Request) -> Front:
    """The gateway that a request came to."""
    front: Front = request.state.front
    return front
