"""What transfers talk to: an S3 server with enforced credentials, and a claim of a cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from repository.transfer.claim import pod as pod_module
from repository.transfer.claim import store as claim_module
from tests.repository.transfer.claim.claim_cluster import Standin
from tests.repository.transfer.repositories import PLAIN, write_repository
from tests.repository.transfer.s3.s3_server import KEY, SECRET, S3Server


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "repository", PLAIN)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    server = S3Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standin:
    standin = Standin(tmp_path / "cluster")
    monkeypatch.setenv("KUBECTL_STATE", str(standin.state))
    monkeypatch.setenv("STANDIN_PATH", os.environ["PATH"])
    monkeypatch.setenv("PATH", f"{standin.state / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(claim_module, "_PAUSE", 0.01)
    monkeypatch.setattr(pod_module, "_POLL", 0.02)
    return standin
