"""A server on this machine is measured, and not a proxy that the environment names."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from perf.compare.legs.one_server import running
from perf.compare.preflight import config_from
from perf.errors import LegFailed, PerfError, ScenarioError
from perf.measure.accounting import Accounting
from perf.measure.analyzer.model import describe
from perf.measure.endpoint import Endpoint
from runtime.server.server import LocalServer


@pytest.fixture(autouse=True)
def a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_every_way_to_a_server_is_direct(triton: LocalServer) -> None:
    """It has no model, which only it can say."""
    assert running(triton.grpc, None).version
    with pytest.raises(ScenarioError, match="has no model 'nowhere'"):
        config_from(triton.grpc, "nowhere")
    with pytest.raises(LegFailed, match="unknown model"):
        describe(triton.grpc, "nowhere", "grpc")
    with pytest.raises(LegFailed, match="nowhere"):
        Accounting({"nowhere": triton.grpc}).snapshot()
    request = {"in": np.zeros(1, np.float32)}
    ways: tuple[tuple[str, Literal["grpc", "http"]], ...] = (
        *((triton.grpc, "grpc"), (triton.http, "http")),
    )
    for address, protocol in ways:
        with (
            Endpoint(address, "nowhere", [request], protocol=protocol) as endpoint,
            pytest.raises(PerfError, match="unknown model"),
        ):
            endpoint(0)


def test_the_port_of_http_is_recognised(triton: LocalServer) -> None:
    with pytest.raises(PerfError, match=f"^{triton.http} speaks HTTP, where the address of gRPC"):
        config_from(triton.http, "nowhere")
