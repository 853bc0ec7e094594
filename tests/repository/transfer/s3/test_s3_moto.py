"""Transfers with somebody else's S3 server, which enforces credentials, over a faulty network."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from repository.manifest import verify
from repository.transfer.errors import TransferError
from repository.transfer.run import Options, run_pull, run_push
from repository.transfer.s3 import store as s3_module
from tests.repository.transfer.repositories import PLAIN, write_repository
from tests.repository.transfer.s3.moto_server import BUCKET, Moto, running
from tests.repository.transfer.tcp_proxy import Proxy, cut, flip

QUIET = Options(quiet=True)
MODEL = "detect/1/model.onnx"

# A server of its own environment; test_s3.py has one that starts at once.
pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with running() as server:
        yield server


@pytest.fixture
def proxy(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    proxy = Proxy(int(moto.url.rpartition(":")[2]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    sign_in(moto, "writer", monkeypatch)
    yield proxy
    proxy.close()


@pytest.fixture
def place(proxy: Proxy, request: pytest.FixtureRequest) -> str:
    return f"s3://{BUCKET}/{request.node.originalname}"


def sign_in(moto: Moto, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = moto.keys[user]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)


def spoil(moto: Moto, place: str) -> None:
    """Write other bytes of the same length, with the metadata that is there."""
    client, key = moto.client(), f"{place.rpartition('/')[2]}/{MODEL}"
    there = client.stat_object(BUCKET, key).metadata or {}
    kept: dict[str, str | list[str] | tuple[str]] = {"sha256": there["x-amz-meta-sha256"]}
    body = b"\0" * len(PLAIN[MODEL])
    client.put_object(BUCKET, key, io.BytesIO(body), len(body), metadata=kept)


def arrives(place: str, folder: Path) -> None:
    run_pull(place, folder, QUIET)
    assert verify(folder) == []


def test_a_repository_goes_there_and_back(repository: Path, place: str, tmp_path: Path) -> None:
    assert f"{len(PLAIN) + 1} sent" in run_push(repository, place, QUIET)
    assert f"0 sent, {len(PLAIN) + 1} kept" in run_push(repository, place, QUIET)
    arrives(place, tmp_path / "there")


def test_the_server_refuses_wrong_credentials_and_missing_rights(
    moto: Moto, repository: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x" * 40)
    with pytest.raises(TransferError, match="Check AWS_SECRET_ACCESS_KEY"):
        run_push(repository, place, QUIET)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAAAAAAAAAAAAAAAA")
    with pytest.raises(TransferError, match="Check AWS_ACCESS_KEY_ID"):
        run_push(repository, place, QUIET)
    sign_in(moto, "reader", monkeypatch)
    with pytest.raises(TransferError, match=r"access is denied.*s3:PutObject"):
        run_push(repository, place, QUIET)
    assert list(moto.client().list_objects(BUCKET, place.rpartition("/")[2])) == []


def test_a_broken_connection_or_a_changed_byte_on_its_way_is_mended(
    proxy: Proxy, repository: Path, place: str, tmp_path: Path
) -> None:
    line = f"/{MODEL} "
    proxy.upwards += [
        (f"PUT /{BUCKET}/{place.rpartition('/')[2]}{line}", each) for each in (cut, flip)
    ]
    proxy.downwards += [(line, cut)]
    run_push(repository, place, QUIET)
    assert proxy.upwards == proxy.downwards == []
    proxy.downwards += [(line, cut), (line, flip)]
    arrives(place, tmp_path / "there")
    assert proxy.downwards == []


def test_bytes_that_change_in_the_store_are_found_by_push_and_pull(
    moto: Moto, proxy: Proxy, repository: Path, place: str, tmp_path: Path
) -> None:
    left = [2]

    def spoil_before_it_is_read_back(line: str) -> None:
        if line.startswith("GET") and MODEL in line and left[0]:
            left[0] -= 1
            spoil(moto, place)

    proxy.before = spoil_before_it_is_read_back
    with pytest.raises(TransferError, match=rf"{MODEL}: expected the SHA-256.*read back"):
        run_push(repository, place, QUIET)
    run_push(repository, place, QUIET)
    spoil(moto, place)
    with pytest.raises(TransferError, match=rf"{MODEL}: expected the SHA-256.*remove it there"):
        run_pull(place, tmp_path / "there", QUIET)
    run_push(repository, place, QUIET)
    arrives(place, tmp_path / "there")


@pytest.mark.slow
def test_a_killed_push_is_seen_and_goes_on(
    proxy: Proxy, repository: Path, place: str, tmp_path: Path
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold(line: str) -> None:
        if line.startswith("PUT") and "recognise/config.pbtxt" in line:
            reached.set()
            go_on.wait(120)

    proxy.before = hold
    command = [sys.executable, "-m", "builders", "push", str(repository), place]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        assert reached.wait(60)
        process.send_signal(signal.SIGKILL)
    go_on.set()
    proxy.before = lambda _: None
    with pytest.raises(TransferError, match="cut off"):
        run_pull(place, tmp_path / "there", QUIET)
    assert f"{len(PLAIN) + 1} sent" not in run_push(repository, place, QUIET)
    arrives(place, tmp_path / "there")


def test_a_large_file_goes_on_with_its_next_part_and_leaves_no_upload(
    moto: Moto,
    proxy: Proxy,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sign_in(moto, "owner", monkeypatch)
    monkeypatch.setattr(s3_module, "PART", 5 << 20)
    body = os.urandom(11 << 20)
    repository = write_repository(tmp_path / "repository", PLAIN | {MODEL: body})
    prefix = place.rpartition("/")[2]
    client = moto.client()

    def pending() -> list[str]:
        found = client._list_multipart_uploads(BUCKET, prefix=prefix).uploads
        return [each.object_name for each in found]

    def send_and_count_parts() -> list[str]:
        sent: list[str] = []
        proxy.before = lambda line: sent.append(line) if "partNumber=" in line else None
        with contextlib.suppress(TransferError):
            run_push(repository, place, QUIET)
        return [line.partition("partNumber=")[2].partition("&")[0] for line in sent]

    proxy.upwards += [("partNumber=2", cut)] * 9
    assert set(send_and_count_parts()) == {"1", "2"}
    assert pending() == [f"{prefix}/{MODEL}"]
    proxy.upwards.clear()
    client._create_multipart_upload(BUCKET, f"{prefix}/gone/1/model.onnx", {})
    assert send_and_count_parts() == ["2", "3"]
    assert pending() == []
    stored = client.stat_object(BUCKET, f"{prefix}/{MODEL}").metadata or {}
    assert stored["x-amz-meta-sha256"] == hashlib.sha256(body).hexdigest()
    arrives(place, tmp_path / "there")


@pytest.mark.slow
def test_parts_of_other_bytes_are_not_gone_on_with(
    moto: Moto, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(moto, "owner", monkeypatch)
    monkeypatch.setattr(s3_module, "PART", 5 << 20)
    key = f"{place.rpartition('/')[2]}/{MODEL}"
    client = moto.client()
    upload = client._create_multipart_upload(BUCKET, key, {"x-amz-meta-sha256": "0" * 64})
    client._upload_part(BUCKET, key, bytes(5 << 20), None, upload, 1)
    repository = write_repository(tmp_path / "repository", PLAIN | {MODEL: os.urandom(6 << 20)})
    run_push(repository, place, QUIET)
    assert client._list_multipart_uploads(BUCKET, prefix=key).uploads == []
    arrives(place, tmp_path / "there")
