"""The storage-initializer of the component ``object-store``: it pulls, compares, checks who signed.

Its command and environment are the rendered ones, the store is the tests' own S3.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repository.manifest import read_manifest, verify
from repository.transfer.run import Options, run_push
from tests.kserve.arrival.image import LOG_BYTES, Ended, Image
from tests.kserve.render import Object, shipped
from tests.repository.transfer.s3.s3_server import KEY, SECRET, S3Server, Stored

WEIGHTS = "multimodal/models/detect/1/model.onnx"


def pod(*components: str) -> tuple[Object, str, list[Object]]:
    """The container that the service ``multimodal`` names, its URI, and the pod's volumes."""
    objects = shipped("overlays/local-cpu", components=components)
    (service,) = (each for each in objects if each["kind"] == "InferenceService")
    predictor = service["spec"]["predictor"]
    (storage,) = (
        each["spec"]
        for each in objects
        if each["kind"] == "ClusterStorageContainer"
        and each["metadata"]["name"] == predictor["storageContainerName"]
    )
    uri = predictor["model"]["storageUri"]
    assert any(uri.startswith(each["prefix"]) for each in storage["supportedUriFormats"])
    return storage["container"], uri, predictor.get("volumes", [])


def cache_job() -> Object:
    """The container that KServe runs on a node to fill its cache.

    Source: kserve pkg/controller/v1alpha1/localmodelnode/controller.go, launchJob.
    """
    objects = shipped("overlays/gpu", components=("object-store", "model-cache"))
    (cache,) = (each["spec"] for each in objects if each["kind"] == "LocalModelNamespaceCache")
    (storage,) = (
        each["spec"]
        for each in objects
        if each["kind"] == "ClusterStorageContainer"
        and each["spec"]["workloadType"] == "localModelDownloadJob"
        and any(
            cache["sourceModelUri"].startswith(one["prefix"])
            for one in each["spec"]["supportedUriFormats"]
        )
    )
    container = storage["container"]
    container["volumeMounts"] = [{"name": "kserve-pvc-source", "mountPath": "/mnt/models"}]
    container["args"] = [cache["sourceModelUri"], "/mnt/models"]
    return dict(container)


@contextlib.contextmanager
def serving() -> Iterator[S3Server]:
    server = S3Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def credentials(store: S3Server) -> dict[str, str]:
    """The Secret ``object-store``."""
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": store.url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(scope="module")
def pushed(signed: Path) -> dict[str, Stored]:
    """What a push of the signed repository leaves in a store."""
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in credentials(server).items():
            patch.setenv(name, value)
        said = run_push(signed, "s3://models/multimodal/models", Options(quiet=True))
        assert "all verified" in said
        return server.state.objects


@pytest.fixture
def store(pushed: dict[str, Stored]) -> Iterator[S3Server]:
    with serving() as server:
        server.state.objects = {name: replace(each) for name, each in pushed.items()}
        yield server


def arrive(
    image: Image, folder: Path, keys: Path, store: S3Server, *components: str, **secret: str
) -> Ended:
    """Run it as KServe does: the URI and /mnt/models follow, on a volume of KServe's own.

    Source: kserve pkg/utils/storage.go, CreateInitContainerWithConfig.
    """
    container, uri, volumes = pod(*components)
    own = {"name": "kserve-provision-location", "mountPath": "/mnt/models"}
    container["volumeMounts"] = [*container.get("volumeMounts", ()), own]
    folders = {each["name"]: keys / "mine" for each in volumes} | {own["name"]: folder}
    values = credentials(store) | secret
    folder.mkdir(exist_ok=True)
    secrets = {"object-store": {name: value for name, value in values.items() if value}}
    return image.run(container, folders, args=(uri, "/mnt/models"), secrets=secrets)


SIGNED = ("object-store", "verify")


@pytest.mark.parametrize(
    ("components", "said"),
    [
        (SIGNED, "all verified, and signed\n"),
        pytest.param(("verify", "object-store"), "and signed\n", marks=pytest.mark.slow),
        pytest.param(("object-store",), "all verified\n", marks=pytest.mark.slow),
    ],
)
def test_a_pushed_repository_arrives(
    image: Image,
    store: S3Server,
    keys: Path,
    tmp_path: Path,
    components: tuple[str, ...],
    said: str,
) -> None:
    ended = arrive(image, tmp_path / "volume", keys, store, *components)
    assert (ended.code, ended.message) == (0, "")
    assert ended.log.startswith("/mnt/models: ") and ended.log.endswith(said)
    assert verify(tmp_path / "volume") == []
    assert (tmp_path / "volume" / "model.sig").is_file()


def spoil(store: S3Server) -> None:
    body = store.state.objects[WEIGHTS].body
    store.state.objects[WEIGHTS].body = body[:-1] + bytes([body[-1] ^ 1])


def remove(name: str) -> Callable[[S3Server], Any]:
    return lambda store: store.state.objects.pop(f"multimodal/models/{name}")


def truncate(store: S3Server) -> None:
    stored = store.state.objects["multimodal/models/model.sig"]
    stored.body = stored.body[:900]


DAMAGES: dict[str, tuple[Callable[[S3Server], Any], str]] = {
    "a byte altered": (spoil, "detect/1/model.onnx: expected the SHA-256"),
    "a file missing": (remove("detect/1/model.onnx"), "detect/1/model.onnx ("),
    "unsigned": (remove("model.sig"), "[unsigned] model.sig"),
    "a signature cut off": (truncate, "model.sig: expected"),
    "a push cut off": (remove("manifest.json"), "a push was cut off"),
    "nothing": (lambda store: store.state.objects.clear(), "manifest.json, found nothing"),
}
QUICK = ("unsigned",)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "damage",
    [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in DAMAGES],
)
def test_what_is_not_as_it_was_pushed_does_not_serve(
    image: Image, store: S3Server, keys: Path, tmp_path: Path, damage: str
) -> None:
    harm, said = DAMAGES[damage]
    harm(store)
    ended = arrive(image, tmp_path / "volume", keys, store, *SIGNED)
    assert ended.code == 1
    assert said in ended.message and ended.message == ended.log
    assert ended.message.count("\n") == 1 and ended.message.count("error") == 1


@pytest.mark.slow
def test_of_many_missing_the_message_says_how_many(
    image: Image, store: S3Server, keys: Path, tmp_path: Path, signed: Path
) -> None:
    files = read_manifest(signed).files
    for name in files:
        del store.state.objects[f"multimodal/models/{name}"]
    ended = arrive(image, tmp_path / "volume", keys, store, *SIGNED)
    assert f"{min(files)} (" in ended.message and f"and {len(files) - 10} more" in ended.message
    assert len(ended.log.encode()) <= LOG_BYTES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "expected credentials"),
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "the secret key is not right"),
        ({"AWS_ACCESS_KEY_ID": "another"}, "the access key is not known"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "no answer from 127.0.0.1"),
        ({"AWS_ENDPOINT_URL": "store:9000"}, "AWS_ENDPOINT_URL: expected a URL"),
    ],
)
def test_a_secret_that_does_not_open_the_store_is_told(
    image: Image, store: S3Server, keys: Path, tmp_path: Path, secret: dict[str, str], said: str
) -> None:
    ended = arrive(image, tmp_path / "volume", keys, store, "object-store", **secret)
    assert ended.code == 1 and said in ended.message
    assert ended.message.count("\n") == 1 and ended.message == ended.log


@pytest.mark.slow
def test_a_pull_that_was_cut_off_goes_on_and_an_older_repository_is_replaced(
    image: Image, store: S3Server, keys: Path, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    store.state.cut_reads[WEIGHTS] = 99
    cut = arrive(image, volume, keys, store, *SIGNED)
    assert cut.code == 1 and "detect/1/model.onnx" in cut.message
    assert "found: a connection that broke off. Try again" in cut.message
    store.state.cut_reads.clear()
    assert arrive(image, volume, keys, store, *SIGNED).code == 0
    again = arrive(image, volume, keys, store, *SIGNED)
    assert again.code == 0 and " 0 files copied" in again.log


@pytest.mark.thorough
@pytest.mark.parametrize("altered", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_nodes_cache_is_filled_with_what_was_pushed_alone(
    image: Image, store: S3Server, tmp_path: Path, altered: bool
) -> None:
    if altered:
        spoil(store)
    volumes = {"kserve-pvc-source": tmp_path / "cache"}
    ended = image.run(cache_job(), volumes, secrets={"object-store": credentials(store)})
    assert ended.code == altered
    if altered:
        assert "detect/1/model.onnx: expected the SHA-256" in ended.message
    assert bool(verify(tmp_path / "cache")) is altered
