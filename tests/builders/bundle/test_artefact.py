"""The OCI artefact: the same digest for the same objects, and what a fetching tool finds in it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from builders.bundle import render
from builders.bundle.artefact import CONFIG, NAME, TYPE, artefact_of
from builders.bundle.parts import FOLDER, Parts
from builders.bundle.values import load_values
from builders.cli.app import app
from tests.repository.transfer.oci.registry_server import LOGIN, RegistryServer, sha256

VALUES = FOLDER / "values" / "gpu.yaml"
PARTS = Parts.at(FOLDER)


@cache
def objects() -> bytes:
    return render.rendered(load_values(VALUES, PARTS), PARTS)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What the values file gives, rendered once for all pushes."""
    found = objects()
    monkeypatch.setattr(render, "rendered", lambda values, parts: found)
    return found


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RegistryServer]:
    server = RegistryServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    (tmp_path / "docker").mkdir()
    auths = {"auths": {server.host: {"auth": LOGIN}}}
    (tmp_path / "docker/config.json").write_text(json.dumps(auths))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["manifests", *(str(each) for each in arguments)])


def unpacked(layer: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
        members = tar.getmembers()
        assert all((each.mtime, each.uid, each.mode) == (0, 0, 0o644) for each in members)
        return {each.name: tar.extractfile(each).read() for each in members}  # type: ignore[union-attr]


@settings(max_examples=20)
@given(st.binary(max_size=3000) | st.binary(min_size=1, max_size=9).map(lambda each: each * 40_000))
@example(b"")
@example(b"two" * 40_000)
def test_any_objects_come_out_as_they_went_in(objects: bytes) -> None:
    artefact = artefact_of(objects)
    assert unpacked(artefact.layer) == {NAME: objects}
    assert gzip.decompress(artefact.layer)[:10] == b"manifests."
    assert artefact_of(objects) == artefact
    document = json.loads(artefact.manifest)
    (layer,) = document["layers"]
    assert layer["digest"] == f"sha256:{hashlib.sha256(artefact.layer).hexdigest()}"
    assert layer["size"] == len(artefact.layer)
    assert document["config"]["size"] == len(CONFIG) == 2


def test_the_digest_is_known_beforehand() -> None:
    """It is made of nothing but the objects: no time, no version of zlib or of Python."""
    assert artefact_of(b"kind: Namespace\n").digest == (
        "sha256:aaa25b46eccfe9e230728126073d342789eb4fc3d59eee6b253c77d85c3d8ecd"
    )


def test_a_push_arrives_whole_and_says_its_digest(
    registry: RegistryServer, rendered: bytes
) -> None:
    result = call("--values", VALUES, "--push", f"oci:{registry.host}/team/ocr:1")
    assert result.exit_code == 0, result.output
    digest = sha256(registry.manifests["1"])
    assert f"digest: {digest}" in result.stdout
    assert f"oci://{registry.host}/team/ocr@{digest}" in result.stdout
    document = json.loads(registry.manifests["1"])
    assert document["artifactType"] == TYPE
    (layer,) = document["layers"]
    assert call("--values", VALUES).stdout_bytes == rendered
    assert unpacked(registry.blobs[layer["digest"]]) == {NAME: rendered}
    assert registry.blobs[document["config"]["digest"]] == b"{}"
    registry.sent.clear()
    assert call("--values", VALUES, "--push", f"oci:{registry.host}/team/ocr:1").exit_code == 0
    assert registry.sent == []


def test_another_ones_tag_is_not_replaced(registry: RegistryServer, rendered: bytes) -> None:
    registry.manifests["1"] = b'{"layers": []}'
    place = f"oci:{registry.host}/team/ocr:1"
    result = call("--values", VALUES, "--push", place)
    assert result.exit_code == 1
    assert (
        "found something else. Push to another tag, or have it replaced (--delete)" in result.stderr
    )
    assert registry.blobs == {}
    assert call("--values", VALUES, "--push", place, "--delete").exit_code == 0
    assert json.loads(registry.manifests["1"])["artifactType"] == TYPE


def test_spoilt_bytes_are_noticed(registry: RegistryServer, rendered: bytes) -> None:
    registry.corrupt_reads = 1
    result = call("--values", VALUES, "--push", f"oci:{registry.host}/team/ocr:1")
    assert result.exit_code == 1
    assert "when it was read back" in result.stderr
    assert registry.manifests == {}


def test_a_layout_has_the_same_digest(
    registry: RegistryServer, rendered: bytes, tmp_path: Path
) -> None:
    place = tmp_path / "layout"
    result = call("--values", VALUES, "--push", f"oci:{place}")
    assert result.exit_code == 0, result.output
    (entry,) = json.loads((place / "index.json").read_text())["manifests"]
    assert f"digest: {entry['digest']}" in result.stdout
    call("--values", VALUES, "--push", f"oci:{registry.host}/team/ocr:1")
    assert entry["digest"] == sha256(registry.manifests["1"])
    for path in (place / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def test_a_layout_is_written_again_and_anothers_is_left_alone(tmp_path: Path) -> None:
    place, other = tmp_path / "layout", FOLDER / "values" / "local-cpu.yaml"
    first = call("--values", VALUES, "--push", f"oci:{place}")
    there = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert call("--values", VALUES, "--push", f"oci:{place}").stdout == first.stdout
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == there
    changed = call("--values", other, "--push", f"oci:{place}")
    assert changed.exit_code == 0 and changed.stdout != first.stdout
    (entry,) = json.loads((place / "index.json").read_bytes())["manifests"]
    assert entry["digest"] in changed.stdout
    assert len([*(place / "blobs" / "sha256").iterdir()]) == 3
    (place / "blobs" / "sha256" / entry["digest"][7:]).write_text('{"artifactType": "a"}')
    refused = call("--values", VALUES, "--push", f"oci:{place}")
    assert refused.exit_code == 1 and "expected an empty folder, found files" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layout"]


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("s3://bucket/x", 2, "expected oci:registry/name:tag"),
        ("oci:a.example/b@sha256:" + "0" * 64, 1, "found a digest. Name a tag."),
        ("nowhere", 2, "'nowhere': expected oci:registry/name:tag or oci:./folder"),
        ("s3://a/b", 2, "'s3://a/b': expected oci:registry/name:tag or oci:./folder"),
        ("oci:", 1, "expected"),
    ],
)
def test_a_place_that_is_none_is_told(rendered: bytes, place: str, code: int, said: str) -> None:
    result = call("--values", VALUES, "--push", place)
    assert result.exit_code == code
    assert said in result.stderr and result.stdout == ""
