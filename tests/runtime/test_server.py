"""Starting and stopping a real Triton."""

from __future__ import annotations

from pathlib import Path

from runtime.server import LocalServer


def test_the_empty_server_is_live_and_has_no_model(triton: LocalServer) -> None:
    assert triton.control.is_live()
    assert triton.pid > 1
    assert all(not status.ready for status in triton.control.index())


def test_two_servers_have_their_own_ports(triton: LocalServer, serve, tmp_path: Path) -> None:
    other = serve(tmp_path, load=())
    assert other.control.is_live()
    assert {other.http, other.grpc, other.metrics}.isdisjoint(
        {triton.http, triton.grpc, triton.metrics}
    )
