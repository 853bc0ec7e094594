"""The declared command line and probes of ``triton-multimodal``, with a real Triton."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.server.control import CallFailed
from runtime.watch import stubs
from tests.kserve.runtime import toys
from tests.kserve.runtime.declared import (
    ADMIN_KEY,
    container,
    flag,
    grace_seconds,
    http_probe,
    liveness_probe,
)
from tests.kserve.schemas.crds import ROOT
from tests.waiting import until

Kind = Callable[..., Any]
KEY = {"admin-key": ADMIN_KEY}


def wait_until_started(served: Any) -> None:
    """Asks the startup probe until it succeeds."""
    probe = container()["startupProbe"]
    deadline = time.monotonic() + probe["periodSeconds"] * probe["failureThreshold"]
    while not http_probe(served, "startupProbe"):
        assert served.wait(0) is None and time.monotonic() < deadline, served.log
        time.sleep(0.02)


def message(served: Any) -> str:
    """What FallbackToLogsOnError makes of a log: its last 2048 bytes, or 80 lines.

    https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
    """
    assert container()["terminationMessagePolicy"] == "FallbackToLogsOnError"
    kept = "".join(served.log.splitlines(keepends=True)[-80:]).encode()[-2048:]
    return kept.decode(errors="replace")


@pytest.fixture(scope="module")
def built(kind: Kind) -> Iterator[Any]:
    """The built repository under the declared command line."""
    folder = ROOT / "model_repository"
    assert (folder / "manifest.json").is_file(), "run `make build-repo` before the tests"
    with kind(folder) as served:
        served.start()
        wait_until_started(served)
        yield served


@pytest.mark.thorough
def test_ready_and_right_with_the_built_repository(built: Any) -> None:
    assert http_probe(built, "startupProbe")
    assert http_probe(built, "readinessProbe")
    for _ in range(2):
        alive = liveness_probe(built)
        assert (alive.returncode, alive.stderr) == (0, "")
    smoke = built.client(["-m", "clients.smoke", f"http://{built.http}"])
    said, _ = smoke.communicate(timeout=120)
    assert smoke.returncode == 0, said
    with built.network():
        with pytest.raises(CallFailed):
            built.control.request("POST", "/v2/repository/index", b"{}")
        built.control.request("POST", "/v2/repository/index", b"{}", KEY)


@pytest.mark.thorough
def test_a_killed_stub_fails_the_liveness_probe_alone(built: Any) -> None:
    assert liveness_probe(built).returncode == 0
    victim = next(s for s in stubs.running(built.pid) if s.instance.startswith("crop"))
    os.kill(victim.pid, signal.SIGKILL)
    until(lambda: victim not in stubs.running(built.pid))
    # Each in time and none by chance: so the kubelet restarts after that many periods.
    for _ in range(container()["livenessProbe"]["failureThreshold"]):
        dead = liveness_probe(built)
        assert dead.returncode == 1
        assert "1 Python stub(s) of the server have died" in dead.stderr
        assert http_probe(built, "readinessProbe")


def test_no_port_is_open_while_models_load(kind: Kind, tmp_path: Path) -> None:
    with kind(toys.write(tmp_path, initialize=toys.HELD)) as served:
        served.start()
        for _ in range(10):
            assert not http_probe(served, "startupProbe")
            assert not http_probe(served, "readinessProbe")
            time.sleep(0.05)
        (tmp_path / "slow" / toys.GO).touch()
        wait_until_started(served)
        assert http_probe(served, "readinessProbe")


def test_a_broken_model_ends_the_server_and_the_pods_message_says_why(
    kind: Kind, tmp_path: Path
) -> None:
    broken = toys.write(tmp_path, initialize="raise ValueError('no weights here')")
    with kind(broken) as served:
        served.start()
        assert served.wait(120)
        assert "failed to load 'slow' version 1: Internal: ValueError: no weights here" in message(
            served
        )
        assert not http_probe(served, "readinessProbe")


def test_a_running_version_goes_on_serving_at_a_bad_load(kind: Kind, tmp_path: Path) -> None:
    # As an InferenceService may ask for it; the runtime's own mode loads nothing later on.
    options = ("--model-control-mode=explicit", "--load-model=*")
    with kind(toys.write(tmp_path), options=options) as served:
        served.start()
        wait_until_started(served)
        load = "/v2/repository/models/slow/load"
        config = toys.CONFIG.replace("TYPE_FP32", "TYPE_FP64")
        (tmp_path / "slow" / "config.pbtxt").write_text(config)
        (tmp_path / "slow" / "1" / "model.py").write_text("raise ValueError('no weights here')")
        with served.network():
            with pytest.raises(CallFailed, match=r"restricted|admin-key"):
                served.control.request("POST", load, b"{}")
            with pytest.raises(CallFailed, match="no weights here"):
                served.control.request("POST", load, b"{}", KEY)
            path = "/v2/models/slow/infer"
            assert toys.answer(served.control.request("POST", path, toys.body(7))) == 7
        assert http_probe(served, "readinessProbe")
        assert liveness_probe(served).returncode == 0


def test_the_times_of_the_shutdown_fit_into_the_grace_period() -> None:
    delay = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert delay > 0
    assert delay + int(flag("exit-timeout-secs")) < grace_seconds()


@pytest.mark.thorough
def test_loading_later_is_off_by_default(built: Any) -> None:
    with built.network(), pytest.raises(CallFailed, match="explicit model load"):
        built.control.request("POST", "/v2/repository/models/crop/load", b"{}", KEY)
    assert json.dumps(container()["args"]).count("--model-control-mode=none") == 1
