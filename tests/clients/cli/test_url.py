"""``--url`` of each command, as a person may write it, against a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clients.cli.app import app
from runtime.server.server import LocalServer

FILES = {
    "ocr": str(Path(__file__).parents[3] / "clients/examples/page.png"),
    "asr": str(Path(__file__).parents[3] / "clients/examples/talk.wav"),
}
UNKNOWN = "error: Request for unknown model: '{command}' is not found\n"
"""What the server answers that has no model: it was reached."""


def run(command: str, url: str, **variables: str) -> tuple[int, str]:
    result = CliRunner().invoke(
        app, [command, FILES[command], "--url", url, "--patience=0"], env=variables
    )
    assert result.stdout == "" and result.stderr.count("\n") == 1, result.output
    return result.exit_code, result.stderr


@pytest.mark.parametrize("command", FILES)
def test_an_address_is_understood_however_it_is_written(command: str, triton: LocalServer) -> None:
    port = triton.grpc.rpartition(":")[2]
    for url in (
        triton.grpc,
        f"grpc://{triton.grpc}",
        f"http://{triton.grpc}",
        f"http://{triton.grpc}/",
        f" localhost:{port} ",
        f"[::ffff:127.0.0.1]:{port}",
    ):
        assert run(command, url) == (1, UNKNOWN.format(command=command)), url


@pytest.mark.parametrize("command", FILES)
def test_no_proxy_stands_before_this_machine(command: str, triton: LocalServer) -> None:
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy"), "http://127.0.0.1:9")
    found = run(command, triton.grpc, no_proxy="", **proxies)
    assert found == (1, UNKNOWN.format(command=command))


@pytest.mark.parametrize("command", FILES)
def test_a_wrong_port_is_recognised(command: str, triton: LocalServer) -> None:
    for address in (triton.http, triton.metrics):
        code, errors = run(command, address)
        assert code == 1
        assert errors.startswith(f"error: {address} speaks HTTP, and the address of gRPC is asked")
    code, errors = run(command, f"https://{triton.grpc}")
    assert code == 1 and "does not speak TLS; leave out https://" in errors


@pytest.mark.parametrize("command", FILES)
@pytest.mark.parametrize(
    "url", ["", "user:secret@localhost:8001", "localhost:8001/v2", "local host", "localhost:x"]
)
def test_what_is_no_address_is_wrong_usage_in_a_sentence(command: str, url: str) -> None:
    code, errors = run(command, url)
    assert code == 2 and errors.startswith("error: --url, or the variable TRITON_GRPC: ")
    assert "secret" not in errors


def smoke(url: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "clients.smoke", url], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr


def test_smoke_recognises_the_port_of_grpc(triton: LocalServer) -> None:
    code, errors = smoke(f"http://{triton.grpc}/")
    assert code == 1
    assert errors.startswith(f"error: {triton.grpc} speaks gRPC, and the address of HTTP is asked")


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "url",
    ["http://", "http://host:x", "http://host:99999", "http://my host", "http://u:secret@host/"],
)
def test_what_is_no_address_is_wrong_usage_of_smoke(url: str) -> None:
    code, errors = smoke(url)
    assert code == 2 and errors.startswith("error: expected http://<host> or https://<host>")
    assert "secret" not in errors
