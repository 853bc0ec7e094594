"""Images: reproducible layers, resumable pushes, and pulls that unpack what was built."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from repository.manifest import verify
from repository.transfer.address import Image, parse
from repository.transfer.contents import contents_of
from repository.transfer.errors import TransferError
from repository.transfer.oci.layer import layers_of
from repository.transfer.oci.login import credentials
from repository.transfer.oci.registry import Registry
from repository.transfer.run import Options, run_pull, run_push
from tests.ports import kept_port
from tests.repository.transfer.oci.registry_server import LOGIN, RegistryServer, sha256
from tests.repository.transfer.repositories import PLAIN, write_repository

QUIET = Options(quiet=True)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RegistryServer]:
    server = RegistryServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    auths = {"auths": {server.host: {"auth": LOGIN}}}
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text(json.dumps(auths))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def port() -> Iterator[int]:
    with kept_port() as port:
        yield port


def place(registry: RegistryServer) -> str:
    return f"oci:{registry.host}/team/ocr:1"


def unpacked(registry: RegistryServer) -> dict[str, bytes]:
    """What a container runtime would see: every layer of the tag, one over another."""
    found: dict[str, bytes] = {}
    for layer in json.loads(registry.manifests["1"])["layers"]:
        with tarfile.open(fileobj=io.BytesIO(registry.blobs[layer["digest"]])) as tar:
            for member in tar.getmembers():
                assert member.mtime == 0 and member.uid == 0
                file = tar.extractfile(member)
                if file is not None:
                    found[member.name] = file.read()
    return found


def test_paths_survive_the_registry(
    repository: Path, registry: RegistryServer, tmp_path: Path
) -> None:
    said = run_push(repository, place(registry), QUIET)
    assert f"digest: {sha256(registry.manifests['1'])}" in said
    assert unpacked(registry) == {
        f"models/{name}": (repository / name).read_bytes() for name in (*PLAIN, "manifest.json")
    }
    run_pull(place(registry), tmp_path / "there", QUIET)
    assert verify(tmp_path / "there") == []


def test_an_unchanged_model_is_not_sent_again(repository: Path, registry: RegistryServer) -> None:
    run_push(repository, place(registry), QUIET)
    registry.sent.clear()
    assert "0 layers sent, 4 there already" in run_push(repository, place(registry), QUIET)
    shutil.rmtree(repository)
    write_repository(repository, PLAIN | {"ocr/1/README": b"another"})
    assert "2 layers sent, 2 there already" in run_push(repository, place(registry), QUIET)
    assert len(registry.sent) == 3  # the model, the root with the manifest, the configuration


def test_cut_connections_go_on_and_spoilt_bytes_are_refused(
    repository: Path, registry: RegistryServer, tmp_path: Path
) -> None:
    registry.cut_uploads, registry.cut_reads = 2, 2
    run_push(repository, place(registry), QUIET)
    registry.cut_reads = 2
    run_pull(place(registry), tmp_path / "there", QUIET)
    assert verify(tmp_path / "there") == []
    registry.corrupt_reads = 1
    run_pull(place(registry), tmp_path / "again", QUIET)
    registry.corrupt_reads = 9
    with pytest.raises(TransferError, match="was changed where it lies"):
        run_pull(place(registry), tmp_path / "third", QUIET)
    registry.blobs.clear()
    with pytest.raises(TransferError, match="read back"):
        run_push(repository, place(registry), QUIET)


def test_a_login_that_is_refused_names_the_command(
    repository: Path, registry: RegistryServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    with pytest.raises(TransferError, match="docker login"):
        run_push(repository, place(registry), QUIET)


def test_a_base_comes_below_the_models(repository: Path, registry: RegistryServer) -> None:
    run_push(repository, place(registry), QUIET)
    first = json.loads(registry.manifests["1"])["layers"]
    base = f"{registry.host}/team/ocr@{sha256(registry.manifests['1'])}"
    run_push(repository, place(registry), Options(quiet=True, base=base))
    document = json.loads(registry.manifests["1"])
    assert document["layers"] == first + first
    config = json.loads(registry.blobs[document["config"]["digest"]])
    assert config["rootfs"]["diff_ids"] == [each["digest"] for each in document["layers"]]


def test_blobs_may_lie_in_a_bucket_that_takes_no_token(
    repository: Path, registry: RegistryServer, tmp_path: Path
) -> None:
    registry.elsewhere = True
    run_push(repository, place(registry), QUIET)
    assert run_push(repository, place(registry), QUIET).count("0 layers sent") == 1
    run_pull(place(registry), tmp_path / "pulled", QUIET)
    assert (tmp_path / "pulled" / "manifest.json").is_file()


def test_a_base_for_several_platforms_of_dockers_kind(
    repository: Path, registry: RegistryServer
) -> None:
    """As Docker Hub has busybox: a list, whose images name Docker's media types."""
    run_push(repository, place(registry), QUIET)
    image = json.loads(registry.manifests["1"])
    docker = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    for each in image["layers"]:
        each["mediaType"] = docker
    text = json.dumps(image).encode()
    other = {"digest": sha256(b"arm"), "platform": {"os": "linux", "architecture": "arm64"}}
    ours = {"digest": sha256(text), "platform": {"os": "linux", "architecture": "amd64"}}
    registry.manifests[sha256(text)] = text
    registry.manifests["list"] = json.dumps({"manifests": [other, ours]}).encode()
    base = f"{registry.host}/team/ocr:list"
    run_push(repository, place(registry), Options(quiet=True, base=base))
    made = json.loads(registry.manifests["1"])
    assert len(made["layers"]) == 2 * len(image["layers"])
    assert docker not in json.dumps(made)
    registry.manifests["list"] = json.dumps({"manifests": [other]}).encode()
    with pytest.raises(TransferError, match="expected an image, found another"):
        run_push(repository, place(registry), Options(quiet=True, base=base))


def test_docker_hub_is_asked_where_it_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    image = parse("oci:docker.io/library/busybox:1.37")
    assert isinstance(image, Image)
    asked: list[str] = []

    def request(_: object, method: str, url: str, **options: object) -> urllib3.HTTPResponse:
        asked.append(url)
        return urllib3.HTTPResponse(status=404)

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    assert Registry(image).manifest() is None
    assert asked == ["https://registry-1.docker.io/v2/library/busybox/manifests/1.37"]
    (tmp_path / "config.json").write_text(
        '{"auths": {"https://index.docker.io/v1/": {"auth": "a"}}}'
    )
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert credentials("docker.io") == "a"


@pytest.mark.parametrize(
    ("registry", "scheme"),
    [
        ("127.0.0.1:5000", "http"),
        ("127.9.9.9", "http"),
        ("localhost", "http"),
        ("localhost:1", "http"),
        ("[::1]:5000", "http"),
        ("127.evil.example", "https"),
        ("127.evil.example:5000", "https"),
        ("localhost.example", "https"),
        ("[2001:db8::1]:5000", "https"),
        ("registry.example", "https"),
    ],
)
def test_only_this_machine_is_spoken_to_without_tls(registry: str, scheme: str) -> None:
    image = parse(f"oci:{registry}/team/ocr:1")
    assert isinstance(image, Image)
    assert Registry(image)._base == f"{scheme}://{registry}/v2/team/ocr/"


def test_a_layout_holds_the_same_image_twice_over(repository: Path, tmp_path: Path) -> None:
    said = {
        run_push(repository, f"oci:{tmp_path / name}", QUIET).partition("digest: ")[2]
        for name in ("one", "two")
    }
    assert len(said) == 1
    index = json.loads((tmp_path / "one/index.json").read_text())
    for blob in (tmp_path / "one/blobs/sha256").iterdir():
        assert sha256(blob.read_bytes()) == f"sha256:{blob.name}"
    assert index["manifests"][0]["digest"] == said.pop().strip()
    with pytest.raises(TransferError, match="expected an empty folder"):
        run_push(repository, f"oci:{tmp_path / 'one'}", QUIET)


def test_a_layer_reads_alike_from_any_offset(repository: Path) -> None:
    layer = layers_of(contents_of(repository))[0]
    whole = b"".join(layer.read())
    assert len(whole) == layer.size and sha256(whole) == layer.digest
    for offset in (0, 1, 511, 512, 2000, layer.size - 1, layer.size):
        assert b"".join(layer.read(offset)) == whole[offset:]


def test_a_tag_of_somebody_elses_image_is_not_taken(
    repository: Path, registry: RegistryServer
) -> None:
    other = json.dumps({"schemaVersion": 2, "config": {}, "layers": []}).encode()
    for taken in (other, b'{"manifests": []}'):
        registry.manifests["1"] = taken
        with pytest.raises(TransferError, match=r"another image.*have it replaced") as refused:
            run_push(repository, place(registry), QUIET)
        assert refused.value.arguments == ("delete",)
        assert registry.manifests["1"] == taken and registry.sent == []
    run_push(repository, place(registry), Options(quiet=True, delete=True))
    run_push(repository, place(registry), QUIET)


@pytest.mark.slow
def test_debians_registry_takes_it_and_gives_it_back(
    repository: Path, tmp_path: Path, port: int
) -> None:
    """The package is unpacked, not installed: that needs no root, only apt's sources."""
    subprocess.run(["apt-get", "download", "docker-registry"], cwd=tmp_path, check=True)
    (package,) = tmp_path.glob("docker-registry_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, tmp_path / "root"], check=True)
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (tmp_path / "config.yml").write_text(json.dumps(config))
    binary = tmp_path / "root/usr/bin/docker-registry"
    process = subprocess.Popen([binary, "serve", tmp_path / "config.yml"], env=dict(os.environ))
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        address = f"oci:127.0.0.1:{port}/team/ocr:1"
        assert "4 layers sent" in run_push(repository, address, QUIET)
        assert "0 layers sent" in run_push(repository, address, QUIET)
        run_pull(address, tmp_path / "there", QUIET)
        assert verify(tmp_path / "there") == []
    finally:
        process.terminate()
        process.wait(20)
