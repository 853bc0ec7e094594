"""The command, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app, keys_of
from gateway.errors import GatewayError
from repository.places import ROOT
from runtime.server.server import LocalServer
from tests.gateway.running import Gateway

pytestmark = pytest.mark.xdist_group("gateway")


def started(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.sampled(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_asked_to_end(
    double: LocalServer, tmp_path: Path, number: signal.Signals
) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("# of the web team\nsk-one\n\nsk-two\n")
    process = started(
        *("--port", "0", "--api-keys-file", str(keys)),
        TRITON_GRPC=double.grpc,
        GATEWAY_API_KEYS="sk-three",
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        url = line.split()[4].removesuffix("/v1")
        assert double.grpc in line
        for key in ("sk-one", "sk-two", "sk-three"):
            assert Gateway(url).client(key).models.list().data[0].id == "generate"
        assert Gateway(url).ask("GET", "/v1/models")[0] == 401
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "sk-" not in errors


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--triton", "http://a/b"), 2, "the address has a path"),
        (("--api-keys-file", "/nowhere"), 2, "/nowhere"),
        (("--host", "203.0.113.1", "--port", "1"), 1, "Cannot listen on 203.0.113.1"),
        (("--host", "no such host"), 1, "Cannot listen on no such host"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    arguments: tuple[str, ...], code: int, told: str
) -> None:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == code
    assert told in result.stderr


def test_a_key_that_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    for text in ("a b\n", "\u00e9\n", "# nothing\n"):
        keys.write_text(text)
        with pytest.raises(GatewayError, match="key"):
            keys_of(keys)


def test_a_package_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "starlette").mkdir()
    (tmp_path / "starlette" / "__init__.py").write_text(
        "raise ModuleNotFoundError('No module', name='starlette')"
    )
    process = started(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "needs the package 'starlette'" in errors
    assert "[gateway]" in errors
