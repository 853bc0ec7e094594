"""Pushes to a claim by its name, and pulls from it, through a stand-in for kubectl.

No cluster was asked: kubectl_standin.py, beside this file, says what stands in for what.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from repository.manifest import verify
from repository.transfer.claim.pod import pod_object
from repository.transfer.errors import TransferError
from repository.transfer.run import Options, run_pull, run_push
from tests.repository.transfer.claim.claim_cluster import CLUSTER, Standin
from tests.repository.transfer.repositories import PLAIN, write_repository
from tests.waiting import until

PLACE = "pvc:model-repository/models"
MODEL = "detect/1/model.onnx"
FILES = {name: body for name, body in PLAIN.items() if "detect" in name or name.isascii() is False}
QUICK = Options(quiet=True, cluster=CLUSTER)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "repository", FILES)


def whole(repository: Path) -> dict[str, bytes]:
    return {name: (repository / name).read_bytes() for name in (*FILES, "manifest.json")}


def refusal(repository: Path, place: str = PLACE, options: Options = QUICK) -> str:
    with pytest.raises(TransferError) as caught:
        run_push(repository, place, options)
    text = str(caught.value)
    assert "\n" not in text and "Traceback" not in text and text.endswith(".")
    return text


def test_a_repository_arrives_readable_and_comes_back(
    repository: Path, cluster: Standin, tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        said = run_push(repository, PLACE, QUICK)
    finally:
        os.umask(before)
    assert f"{len(FILES) + 1} sent" in said
    assert "storageUri: pvc://model-repository/models" in said
    assert cluster.files() == whole(repository) and verify(cluster.models) == []
    modes = {stat.S_IMODE(path.stat().st_mode) for path in cluster.volume.rglob("*")}
    assert modes == {0o644, 0o755}
    assert all("--namespace=multimodal" in line for line in cluster.calls("exec"))
    run_pull(PLACE, tmp_path / "there", QUICK)
    assert verify(tmp_path / "there") == []
    assert cluster.pods() == [] and len(list((cluster.state / "deleted").iterdir())) == 2


@pytest.mark.thorough
def test_a_second_push_sends_what_changed_and_removes_what_went(
    repository: Path, cluster: Standin
) -> None:
    run_push(repository, PLACE, QUICK)
    assert "0 sent" in run_push(repository, PLACE, QUICK)
    changed = {name: body for name, body in FILES.items() if not name.startswith("recognise/")}
    shutil.rmtree(repository)
    write_repository(repository, changed | {MODEL: b"smaller"})
    assert "2 sent, 1 kept, 1 removed" in run_push(repository, PLACE, QUICK)
    assert verify(cluster.models) == [] and not (cluster.models / "recognise").exists()


@pytest.mark.thorough
def test_what_is_there_already_stays_only_with_the_right_hash(
    repository: Path, cluster: Standin
) -> None:
    run_push(repository, PLACE, QUICK)
    (cluster.models / "manifest.json").unlink()
    (cluster.models / MODEL).write_bytes(b"\x00" * len(PLAIN[MODEL]))
    (cluster.models / "detect/config.pbtxt").chmod(0o600)
    assert "2 sent, 2 kept" in run_push(repository, PLACE, QUICK)
    assert cluster.files() == whole(repository)
    assert (cluster.models / "detect/config.pbtxt").stat().st_mode & 0o777 == 0o644


@pytest.mark.sampled(1)
@pytest.mark.parametrize("fault", ["dies_writing", "dies_answering", "flips_writing"])
def test_a_push_goes_on_where_kubectl_died_or_bytes_changed(
    repository: Path, cluster: Standin, fault: str
) -> None:
    cluster.faults(**{fault: 1}, after=60_000)
    run_push(repository, PLACE, QUICK)
    assert cluster.files() == whole(repository)


@pytest.mark.thorough
def test_a_pull_goes_on_where_kubectl_died(
    repository: Path, cluster: Standin, tmp_path: Path
) -> None:
    run_push(repository, PLACE, QUICK)
    cluster.faults(dies_reading=1, flips_reading=1, after=60_000)
    run_pull(PLACE, tmp_path / "there", QUICK)
    assert verify(tmp_path / "there") == []


@contextlib.contextmanager
def start(cluster: Standin, repository: Path) -> Iterator[subprocess.Popen[str]]:
    """A push as a process of its own, that stands still when it has sent a part of the model."""
    cluster.faults(slow=0.1)
    command = [sys.executable, "-m", "builders", "push", str(repository), PLACE]
    partial = cluster.models / ".pull" / hashlib.sha256(PLAIN[MODEL]).hexdigest()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: process.poll() is not None or (partial.exists() and partial.stat().st_size))
        with cluster.held():
            assert process.poll() is None
            yield process


@pytest.mark.slow
def test_a_killed_push_is_seen_and_the_next_goes_on_in_its_file(
    repository: Path, cluster: Standin
) -> None:
    with start(cluster, repository) as process:
        process.kill()
    partial = cluster.models / ".pull" / hashlib.sha256(PLAIN[MODEL]).hexdigest()
    begun = -1
    while begun != (begun := partial.stat().st_size):
        time.sleep(0.5)
    assert 0 < begun < len(PLAIN[MODEL])
    assert verify(cluster.models)
    cluster.faults(full=len(PLAIN[MODEL]) - begun)  # more than the rest would find no room
    run_push(repository, PLACE, QUICK)
    assert verify(cluster.models) == [] and not (cluster.models / ".pull").exists()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_push_that_is_told_to_end_leaves_no_pod(
    repository: Path, cluster: Standin, number: signal.Signals
) -> None:
    with start(cluster, repository) as process:
        assert len(cluster.pods()) == 1
        process.send_signal(number)
        assert process.wait(60) != 0
    assert cluster.pods() == [] and not (cluster.models / "manifest.json").exists()


@pytest.mark.thorough
def test_strangers_links_and_folders_in_the_way_are_told(
    repository: Path, cluster: Standin
) -> None:
    (cluster.models / MODEL).mkdir(parents=True)
    (cluster.models / "thesis.doc").symlink_to("/etc/passwd")
    (cluster.models / "lost+found").mkdir(mode=0)
    assert "found lost+found, thesis.doc, which Triton would take" in refusal(repository)
    (cluster.models / "lost+found").rmdir()
    strong = Options(delete=True, quiet=True, cluster=QUICK.cluster)
    assert "found a folder in the file's place" in refusal(repository, options=strong)
    (cluster.models / MODEL).rmdir()
    run_push(repository, PLACE, strong)
    assert cluster.files() == whole(repository) and not (cluster.models / "thesis.doc").exists()


def event(reason: str, message: str) -> dict[str, str]:
    return {"reason": reason, "message": message, "lastTimestamp": "2026-01-01T00:00:00Z"}


UNBOUND = event("FailedScheduling", "0/1 nodes: unbound immediate PersistentVolumeClaims")
ATTACHED = event("FailedAttachVolume", "Multi-Attach error for volume: used by pod(s) triton-0")
PULL = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
USER = {
    "metadata": {"name": "triton-0"},
    "spec": {
        "nodeName": "node-7",
        "volumes": [{"persistentVolumeClaim": {"claimName": "model-repository"}}],
    },
    "status": {"phase": "Running"},
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"unreachable": 1}, "`kubectl config current-context` says which cluster"),
        ({"claim": "Lost"}, "found it Lost. Restore its volume"),
        (
            {"status": {"phase": "Pending"}, "claim": "Pending", "events": [UNBOUND]},
            "unbound immediate PersistentVolumeClaims. Give the claim a StorageClass",
        ),
        ({"status": {"phase": "Pending"}, "events": [ATTACHED]}, "The claim is ReadWriteOnce: end"),
        ({"modes": ["ReadWriteOncePod"], "users": [USER]}, "in use by pod triton-0. End that pod"),
        (
            {"status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": PULL}}]}},
            "Back-off pulling image. Name an image with a shell",
        ),
        ({"status": {"phase": "Failed", "reason": "OutOfcpu"}}, "Failed: OutOfcpu. Make room"),
        (
            {"refused": 'Error from server (Forbidden): pods is forbidden: "x" cannot create'},
            "The role needs: get persistentvolumeclaims",
        ),
        ({"full": 60_000}, f"{MODEL}: expected to use it, found the volume is full"),
    ],
)
def test_what_a_cluster_refuses_is_one_sentence_with_its_remedy(
    repository: Path, cluster: Standin, faults: dict[str, Any], said: str
) -> None:
    cluster.faults(**faults)
    assert said in refusal(repository)
    assert cluster.pods() == []


def test_a_claim_that_is_not_there_is_told_with_those_that_are(
    repository: Path, cluster: Standin
) -> None:
    assert "found model-repository. Create it" in refusal(repository, "pvc:models/a")


@pytest.mark.slow
def test_a_pod_that_is_ended_meanwhile_is_told(repository: Path, cluster: Standin) -> None:
    with start(cluster, repository) as process:
        (cluster.state / "pods" / cluster.pods()[0]).unlink()
        cluster.let_go()
        said = process.communicate(timeout=60)[1]
    assert "expected the pod that mounts the claim, found that it was ended" in said
    assert process.returncode == 1 and "Traceback" not in said


def test_no_kubectl_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/none")
    assert "expected kubectl on PATH, found none. Install it" in refusal(repository)


def test_the_pod_runs_where_a_volume_for_one_node_is_attached(
    repository: Path, cluster: Standin
) -> None:
    cluster.faults(users=[USER], status={"phase": "Failed"})
    refusal(repository)
    (made,) = (cluster.state / "deleted").iterdir()
    assert json.loads(made.read_text())["spec"]["nodeName"] == "node-7"


def test_options_of_a_claim_are_refused_elsewhere(repository: Path, tmp_path: Path) -> None:
    assert "which is for a claim" in refusal(repository, f"pvc:{tmp_path / 'there'}")


@pytest.mark.parametrize("writable", [True, False])
def test_the_pod_is_valid_and_as_confined_as_restricted_asks(writable: bool) -> None:
    pod = pod_object("transfer", "models", "busybox:1", writable=writable, node="node-7")
    kubernetes_validate.validate(pod, "1.32", strict=True)
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "triton-multimodal-kit"
    assert container["volumeMounts"][0]["readOnly"] is not writable
    # Kubernetes, Pod Security Standards, restricted: every field that it names for Linux.
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] != 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert {*spec} & {"hostNetwork", "hostPID", "hostIPC"} == set()
    assert {*spec["volumes"][0]} == {"name", "persistentVolumeClaim"}
