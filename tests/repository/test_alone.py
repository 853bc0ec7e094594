"""``repository/`` by itself: its folder, and an environment with its packages and no others."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from repository.manifest import verify
from repository.transfer.run import Options, run_push
from tests.docs.pages import PAGES
from tests.environments import installed
from tests.repository.transfer.oci.registry_server import LOGIN, RegistryServer
from tests.repository.transfer.s3.s3_server import KEY, SECRET, S3Server

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "model_repository"
LISTED = ROOT / "repository" / "requirements"
WANTED = {
    "base": ("numpy", "onnx", "protobuf", "tritonclient", "typer", "urllib3"),
    "s3": ("minio",),
    "sbom": ("cyclonedx-python-lib", "packaging", "pyyaml"),
    "signing": ("model-signing", "pyopenssl"),
}
"""What the first lines of each file name."""

UNUSED = {"python-rapidjson"}
"""What tritonclient's clients need, and its protobufs do not."""

QUIET = Options(quiet=True)


def pins(path: Path) -> dict[str, str]:
    lines = [line.strip() for line in path.read_text().splitlines()]
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(each.name): str(each.specifier) for each in wanted}


@pytest.mark.parametrize("name", WANTED)
def test_what_is_listed_is_what_the_first_lines_need_and_no_more(name: str) -> None:
    needed: set[tuple[str, str]] = set()
    pending = [(each, "") for each in WANTED[name]]
    while pending:
        package, extra = pending.pop()
        if (package, extra) in needed:
            continue
        needed.add((package, extra))
        for line in importlib.metadata.distribution(package).requires or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                pending += [(canonicalize_name(wanted.name), each) for each in ("", *wanted.extras)]
    listed = pins(LISTED / f"{name}.txt")
    unused = UNUSED if name == "base" else set()
    assert listed.keys() == {package for package, _ in needed} - unused
    assert listed.items() <= pins(ROOT / "constraints.txt").items()
    assert tuple(listed)[: len(WANTED[name])] == WANTED[name]


def test_every_list_is_of_one_that_is_tried() -> None:
    assert {path.stem for path in LISTED.iterdir()} == WANTED.keys()
    docs = "\n".join(page.text for page in PAGES)
    assert len(pins(LISTED / "base.txt")) == 18 and "no torch, eighteen packages" in docs
    image = {name for each in ("base", "signing", "s3") for name in pins(LISTED / f"{each}.txt")}
    assert f"pulls, with {len(image)} pinned packages" in docs


@dataclass(frozen=True)
class Alone:
    """A copy of ``repository/`` and nothing else, and an interpreter to run it with."""

    folder: Path
    python: Path

    def call(self, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "repository", *arguments, **variables)

    def run(self, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, "-B", *map(str, arguments)],
            cwd=self.folder,
            env={"PATH": os.defpath, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "repository", folder / "repository", ignore=ignored)
    return folder


@pytest.fixture(scope="module")
def base(copied: Path) -> Alone:
    """With the packages that most of it needs."""
    return Alone(copied, installed(ROOT / ".venv-repository" / "base", LISTED / "base.txt"))


@pytest.fixture(scope="module")
def whole(copied: Path) -> Alone:
    """With those of signatures, buckets and lists of contents too."""
    files = sorted(LISTED.iterdir())
    return Alone(copied, installed(ROOT / ".venv-repository" / "whole", *files))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """The built repository, with a tensor of another name and a model less."""
    folder = tmp_path / "broken"
    shutil.copytree(BUILT, folder)
    config = folder / "ocr" / "config.pbtxt"
    config.write_text(config.read_text().replace('value: "pixels"', 'value: "pixel"', 1))
    (folder / "detect" / "1" / "model.onnx").unlink()
    return folder


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """``private.pem``, with ``public.pem`` beside it."""
    made = ec.generate_private_key(ec.SECP256R1())
    pem = formats.Encoding.PEM
    (tmp_path / "public.pem").write_bytes(
        made.public_key().public_bytes(pem, formats.PublicFormat.SubjectPublicKeyInfo)
    )
    path = tmp_path / "private.pem"
    path.write_bytes(made.private_bytes(pem, formats.PrivateFormat.PKCS8, formats.NoEncryption()))
    return path


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    assert isinstance(server, ThreadingHTTPServer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.thorough
def test_nothing_that_builds_or_serves_can_be_imported_there(base: Alone) -> None:
    names = ["builders", "runtime", "clients", "perf", "training", "torch", "transformers"]
    names += ["onnxruntime", "cv2", "PIL", "grpc", "yaml", "model_signing", "minio", "cyclonedx"]
    code = (
        "import sys; from importlib.util import find_spec; "
        "print(*(name for name in sys.argv[1:] if find_spec(name)))"
    )
    done = base.run("-c", code, "repository", *names)
    assert done.stdout.split() == ["repository"], done.stderr


@pytest.mark.thorough
def test_it_checks(base: Alone, broken: Path) -> None:
    sound = base.call("check", BUILT)
    assert sound.returncode == 0 and "0 errors" in sound.stdout, sound.stderr
    told = base.call("check", broken)
    assert told.returncode == 1 and "Traceback" not in told.stderr
    assert "pixel" in told.stderr and "[model-file]" in told.stderr


@pytest.mark.thorough
def test_it_verifies(base: Alone, broken: Path) -> None:
    sound = base.call("verify", BUILT)
    assert sound.returncode == 0 and "as they were built" in sound.stdout, sound.stderr
    told = base.call("verify", broken)
    assert told.returncode == 1
    assert "ocr/config.pbtxt" in told.stderr and "detect/1/model.onnx" in told.stderr


@pytest.mark.thorough
def test_it_sends_and_fetches(base: Alone, tmp_path: Path) -> None:
    with serving(RegistryServer()) as registry:
        auths = {"auths": {registry.host: {"auth": LOGIN}}}
        (tmp_path / "config.json").write_text(json.dumps(auths))
        variables = {"DOCKER_CONFIG": str(tmp_path)}
        image = f"oci:{registry.host}/team/ocr:1"
        for command in (
            ("push", BUILT, image, "--quiet"),
            ("pull", image, tmp_path / "image", "--quiet"),
            ("pull", f"pvc:{BUILT}", tmp_path / "folder", "--quiet"),
        ):
            done = base.call(*command, **variables)
            assert done.returncode == 0, done.stderr
    for name in ("image", "folder"):
        assert verify(tmp_path / name) == []
        assert (tmp_path / name / "manifest.json").read_bytes() == (
            BUILT / "manifest.json"
        ).read_bytes()


@pytest.mark.thorough
def test_it_names_the_list_of_packages_that_a_command_needs(
    base: Alone, key: Path, tmp_path: Path
) -> None:
    for name, command in {
        "s3": ("pull", "s3://models/ocr", tmp_path / "there"),
        "sbom": ("sbom", BUILT, "--out", tmp_path / "sbom.json"),
        "signing": ("verify", BUILT, "--public-key", key.with_name("public.pem")),
    }.items():
        done = base.call(*command)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 1 and f"repository/requirements/{name}.txt" in line, line


@pytest.mark.thorough
def test_it_signs_and_knows_who_signed(whole: Alone, key: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(BUILT, models, ignore=shutil.ignore_patterns("model.sig"))
    required = ("--require-signature", "--public-key", key.with_name("public.pem"))
    unsigned = whole.call("verify", models, *required)
    assert unsigned.returncode == 1 and "python -m repository sign" in unsigned.stderr
    made = whole.call("sign", models, "--key", key)
    assert made.returncode == 0, made.stderr
    passed = whole.call("verify", models, *required)
    assert passed.returncode == 0 and "and signed" in passed.stdout, passed.stderr
    with serving(S3Server()) as store, pytest.MonkeyPatch.context() as patch:
        variables = {
            "AWS_ENDPOINT_URL": store.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        for name, value in variables.items():
            patch.setenv(name, value)
        run_push(models, "s3://models/ocr", QUIET)
        pull = ("pull", "s3://models/ocr", tmp_path / "there", "--quiet", *required)
        fetched = whole.call(*pull, **variables)
        assert fetched.returncode == 0 and "and signed" in fetched.stdout, fetched.stderr
    assert verify(tmp_path / "there") == []


@pytest.mark.thorough
def test_it_lists_what_a_repository_holds(whole: Alone, tmp_path: Path) -> None:
    out, packages = tmp_path / "sbom.json", tmp_path / "packages.txt"

    def listed(*options: object) -> set[str]:
        done = whole.call("sbom", BUILT, "--out", out, *options)
        assert done.returncode == 0, done.stderr
        return {each["bom-ref"] for each in json.loads(out.read_text())["components"]}

    alone = listed()
    assert "model/ocr" in alone and "image" in alone
    packages.write_text("# stages: here\nnumpy==1.26.4\n")
    assert listed("--requirements", packages) == {*alone, "package/numpy"}
    packages.write_text("# stages: here\nnumpy\n")
    told = whole.call("sbom", BUILT, "--out", out, "--requirements", packages)
    assert told.returncode == 1 and "of one version, found 'numpy'. Pin it with ==." in told.stderr
