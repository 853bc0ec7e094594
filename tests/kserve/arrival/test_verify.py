"""The init container of the component ``verify``: what arrives whole serves, nothing else does.

Its command, arguments, environment and mounts are the rendered ones.
"""

from __future__ import annotations

import py_compile
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from repository.manifest import read_manifest
from repository.transfer.arrival import Arrival
from repository.transfer.run import Options, run_push
from tests.kserve.arrival.image import LOG_BYTES, Ended, Image
from tests.kserve.render import Object, shipped

WEIGHTS = "detect/1/model.onnx"
CODE = "crop/1/model.py"


def container() -> tuple[Object, Mapping[str, Object]]:
    """The init container of the service ``multimodal``, and the volumes of its pod by name."""
    (service,) = (
        each
        for each in shipped("overlays/local-cpu", components=("verify",))
        if each["kind"] == "InferenceService"
    )
    predictor = service["spec"]["predictor"]
    (found,) = predictor["initContainers"]
    return found, {each["name"]: each for each in predictor["volumes"]}


@pytest.fixture
def claim(signed: Path, tmp_path: Path) -> Path:
    """The root of the volume ``model-repository``, with the signed repository in ``models``."""
    shutil.copytree(signed, tmp_path / "claim" / "models")
    return tmp_path / "claim"


URI = "metadata.annotations['internal.serving.kserve.io/storage-initializer-sourceuri']"
"""Where KServe writes what it mounts (kserve v0.20.0 components/predictor.go)."""

SERVED = "pvc://model-repository/models"


def arrive(image: Image, claim: Path, config_map: Path, served: str = SERVED) -> Ended:
    found, volumes = container()
    folders = {}
    for name, volume in volumes.items():
        if "persistentVolumeClaim" in volume:
            assert volume["persistentVolumeClaim"]["claimName"] == "model-repository"
            folders[name] = claim
        else:
            assert volume["configMap"]["name"] == "model-signing"
            folders[name] = config_map
    return image.run(found, folders, fields={URI: served})


def one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_off(folder: Path) -> None:
    """A push of the repository that lies here into this folder, killed before its last file."""
    source = folder.parent / "source"
    folder.rename(source)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Arrival, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run_push(source, f"pvc:{folder}", Options(quiet=True))


def cut_off_over_another(folder: Path) -> None:
    """As :func:`cut_off`, where an older repository was."""
    cut_off(folder)
    for name in ("manifest.json", "model.sig"):
        shutil.copy(folder.parent / "source" / name, folder)


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "unsigned": (lambda r: (r / "model.sig").unlink(), "[unsigned] model.sig"),
    "a byte altered": (lambda r: one_byte(r / WEIGHTS), WEIGHTS),
    "a file missing": (lambda r: (r / WEIGHTS).unlink(), WEIGHTS),
    "a file added": (lambda r: (r / "crop/1/more.py").write_text("1"), "crop/1/more.py"),
    "bytecode added": (
        lambda r: py_compile.compile(str(r / CODE)),
        "crop/1/__pycache__",
    ),
    "no manifest": (lambda r: (r / "manifest.json").unlink(), "manifest.json"),
    "a manifest cut off": (
        lambda r: (r / "manifest.json").write_bytes((r / "manifest.json").read_bytes()[:900]),
        "manifest.json",
    ),
    "a signature cut off": (
        lambda r: (r / "model.sig").write_bytes((r / "model.sig").read_bytes()[:900]),
        "model.sig",
    ),
    "an empty signature": (lambda r: (r / "model.sig").write_bytes(b""), "model.sig"),
    "nothing": (lambda r: shutil.rmtree(r) or r.mkdir(), "manifest.json"),
    "a push cut off": (cut_off, "Push it again"),
    "a push cut off over another": (cut_off_over_another, "Push it again"),
}
QUICK = ("unsigned", "a byte altered")


def test_a_signed_repository_serves(image: Image, claim: Path, keys: Path) -> None:
    ended = arrive(image, claim, keys / "mine")
    files = len(read_manifest(claim / "models").files)
    assert (
        ended.log
        == f"/mnt/model-repository/models: {files} files are as they were built, and signed\n"
    )
    assert (ended.code, ended.message) == (0, "")


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "damage",
    [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in DAMAGES],
)
def test_what_is_not_as_it_was_signed_does_not_serve(
    image: Image, claim: Path, keys: Path, damage: str
) -> None:
    harm, said = DAMAGES[damage]
    harm(claim / "models")
    ended = arrive(image, claim, keys / "mine")
    assert ended.code == 1
    assert said in ended.message and ended.message == ended.log
    assert ended.message.count("\n") == 1 and ended.message.startswith("error [")
    assert "found" in ended.message and ended.message.endswith(".\n")


@pytest.mark.thorough
def test_another_folder_of_the_claim_is_verified_where_it_is_served(
    image: Image, claim: Path, keys: Path
) -> None:
    """A patched ``storageUri``, or a canary's: KServe mounts that folder, so it is looked at."""
    (claim / "models").rename(claim / "2026-12")
    (claim / "models").mkdir()
    ended = arrive(image, claim, keys / "mine", "pvc://model-repository/2026-12/")
    assert ended.code == 0 and "/mnt/model-repository/2026-12: " in ended.log
    one_byte(claim / "2026-12" / WEIGHTS)
    ended = arrive(image, claim, keys / "mine", "pvc://model-repository/2026-12/")
    assert ended.code == 1 and WEIGHTS in ended.message


@pytest.mark.thorough
@pytest.mark.parametrize(
    "served",
    [
        "pvc://another/models",
        "pvc://model-repository-next/models",
        "s3://models/multimodal/models",
        "oci://registry.example/demo:1",
        "pvc://model-repository/../models",
        "",
    ],
)
def test_what_is_served_from_elsewhere_does_not_serve(
    image: Image, claim: Path, keys: Path, served: str
) -> None:
    ended = arrive(image, claim, keys / "mine", served)
    assert ended.code == 1 and ended.message == ended.log and ended.message.count("\n") == 1
    assert f"found {served or 'none'}" in ended.message


@pytest.mark.slow
def test_a_signature_by_another_key_does_not_serve(image: Image, claim: Path, keys: Path) -> None:
    ended = arrive(image, claim, keys / "other")
    assert ended.code == 1 and "model.sig" in ended.message
    assert "/etc/model-signing/public.pem" in ended.message and "another key" in ended.message


@pytest.mark.slow
def test_a_config_map_without_the_key_is_told_by_its_path(
    image: Image, claim: Path, tmp_path: Path
) -> None:
    (tmp_path / "key.pub").write_text("under another name")
    ended = arrive(image, claim, tmp_path)
    assert ended.code == 1 and "/etc/model-signing/public.pem" in ended.message


def test_of_many_the_message_ends_with_their_number(image: Image, claim: Path, keys: Path) -> None:
    files = read_manifest(claim / "models").files
    for name in files:
        with (claim / "models" / name).open("ab") as file:
            file.write(b"x")
    ended = arrive(image, claim, keys / "mine")
    assert ended.code == 1 and len(ended.log.splitlines()) == len(files) + 1
    assert all(f" {name}: " in ended.log for name in files)
    assert len(ended.message.encode()) <= LOG_BYTES
    *_, last, number = ended.message.splitlines()
    assert f" {max(files)}: " in last and f"{len(files)} findings" in number
