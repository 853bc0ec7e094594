"""What the container may do, and what it leaves to the next one in the same pod."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.watch import stubs
from tests.kserve.runtime import sandbox, toys
from tests.kserve.runtime.declared import container, grace_seconds, http_probe, liveness_probe
from tests.kserve.runtime.pod import Pod
from tests.kserve.runtime.test_probes import wait_until_started
from tests.kserve.schemas.crds import ROOT

OWN = {"/proc", *sandbox.DEVICES}
"""What every container may write to, whatever its manifest says."""


def test_only_volumes_are_writable_and_nothing_comes_of_a_restart(
    make_pod: Callable[..., Pod], tmp_path: Path
) -> None:
    with make_pod(toys.write(tmp_path)) as pod:
        pod.start()
        wait_until_started(pod)
        declared = container()
        volumes = {each["mountPath"] for each in declared["volumeMounts"]}
        mounts = [line.split() for line in run(pod, "cat", "/proc/mounts").splitlines()]
        writable = {place for _, place, _, options, *_ in mounts if "rw" in options.split(",")}
        assert writable == volumes | OWN
        for place in ("/", "/mnt/models", "/mnt/models/slow/1", sandbox.TRITON, "/usr"):
            tried = pod.execute(["touch", f"{place}/new"], 60)
            assert "Read-only file system" in tried.stderr
        for place in volumes:
            run(pod, "sh", "-c", f"echo > {place}/new")

        context = declared["securityContext"]
        for pid in (pod.pid, *(each.pid for each in stubs.running(pod.pid))):
            status = Path(f"/proc/{pid}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert fields["Uid"].split() == [str(context["runAsUser"])] * 4
            assert fields["Gid"].split() == [str(context["runAsGroup"])] * 4
            assert {int(fields[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Bnd")} == {0}
            assert fields["NoNewPrivs"] == "1"
        assert "tritonserver" in run(pod, "cat", "/proc/1/cmdline")

        first = {place: set(pod.files(place)) for place in ("/dev/shm", "/tmp")}
        pod.kill(signal.SIGKILL)
        assert pod.wait(60) is not None
        left = {place: set(pod.files(place)) for place in ("/dev/shm", "/tmp")}
        assert left["/dev/shm"] and any("python_env_" in each for each in left["/tmp"])
        pod.start()
        wait_until_started(pod)
        for place, files in first.items():
            assert len(pod.files(place)) <= len(files)
            assert not left[place] & set(pod.files(place))


@pytest.mark.slow
def test_a_dead_stub_ends_in_a_new_container_that_answers_right(
    make_pod: Callable[..., Pod],
) -> None:
    with make_pod(ROOT / "model_repository") as pod:
        pod.start()
        wait_until_started(pod)
        assert liveness_probe(pod).returncode == 0
        victim = next(s for s in stubs.running(pod.pid) if s.instance.startswith("decode_image"))
        os.kill(victim.pid, signal.SIGKILL)
        probe = container()["livenessProbe"]
        killed = time.monotonic()
        for _ in range(probe["failureThreshold"]):
            time.sleep(probe["periodSeconds"])
            assert liveness_probe(pod).returncode == 1
            assert http_probe(pod, "readinessProbe")
        assert time.monotonic() - killed < 120, "docs/deploy says two minutes"
        told = time.monotonic()
        pod.kill(signal.SIGTERM)  # the kubelet's own restart, after preStop
        delay = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod.wait(grace_seconds() - delay) is not None
        print(f"{time.monotonic() - told:.1f} s from SIGTERM to the end, with a dead stub")
        pod.start()
        wait_until_started(pod)
        smoke = pod.client(["-m", "clients.smoke", f"http://{pod.http}"])
        said, _ = smoke.communicate(timeout=60)
        assert smoke.returncode == 0, said
        assert liveness_probe(pod).returncode == 0


def run(pod: Pod, *command: str) -> str:
    done: subprocess.CompletedProcess[str] = pod.execute(command, 60)
    assert done.returncode == 0, done.stderr
    return done.stdout
