"""The image that verifies has what verifying needs, pinned as in the builder's environment."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import re
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from builders.__main__ import OURS
from repository.manifest import KIT, VERSION
from repository.manifest.schema import FIELDS, digest_of
from repository.sign import PrivateKey, sign
from tests.kserve.arrival.image import Image

ROOT = Path(__file__).resolve().parents[2]
CONTAINERFILE = ROOT / "runtime" / "verify.Containerfile"
LISTED = ROOT / "runtime" / "verify_requirements.txt"
MODEL = 'name: "a" backend: "python"'
CODE = "class TritonPythonModel: ..."


def pins(path: Path) -> dict[str, str]:
    lines = [line.strip() for line in path.read_text().splitlines()]
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(each.name): str(each.specifier) for each in wanted}


def test_what_is_listed_is_what_the_first_lines_need_and_no_more() -> None:
    needed: set[tuple[str, str]] = set()
    pending = [(name, "") for name in ("model-signing", "pyopenssl", "minio", "typer")]
    while pending:
        name, extra = pending.pop()
        if (name, extra) in needed:
            continue
        needed.add((name, extra))
        for line in importlib.metadata.distribution(name).requires or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                pending += [(canonicalize_name(wanted.name), each) for each in ("", *wanted.extras)]
    listed = pins(LISTED)
    assert listed.keys() == {name for name, _ in needed}
    assert listed.items() <= pins(ROOT / "constraints.txt").items()


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path]:
    """A signed repository, and its public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = formats.Encoding.PEM
    (tmp_path / "private.pem").write_bytes(
        key.private_bytes(pem, formats.PrivateFormat.PKCS8, formats.NoEncryption())
    )
    public = tmp_path / "public.pem"
    public.write_bytes(
        key.public_key().public_bytes(pem, formats.PublicFormat.SubjectPublicKeyInfo)
    )
    repository = tmp_path / "models"
    (repository / "a").mkdir(parents=True)
    (repository / "a" / "config.pbtxt").write_text(MODEL)
    (repository / "a" / "1").mkdir()
    (repository / "a" / "1" / "model.py").write_text(CODE)
    made = {"schema": 1, **{name: kind() for name, kind in FIELDS.items()}}
    made["kit"] = {"name": KIT, "version": VERSION}
    made["target"] = {"triton": "24.10"}
    made["models"] = {"a": {"kind": "python"}}
    made["files"] = {
        name: {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text)}
        for name, text in (("a/config.pbtxt", MODEL), ("a/1/model.py", CODE))
    }
    made["digest"] = digest_of(made)
    (repository / "manifest.json").write_text(json.dumps(made))
    sign(repository, PrivateKey(tmp_path / "private.pem"))
    return repository, public


def imported(path: Path) -> Iterator[str]:
    """The packages that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def test_what_is_copied_holds_every_module_of_ours_that_it_imports() -> None:
    lines = CONTAINERFILE.read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY") and "." not in line}
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"builders"}
    for folder in copied:
        # A backend is imported by Triton's interpreter, a copied module by whoever it is copied to.
        for path in (ROOT / folder).rglob("*.py"):
            assert set(imported(path)) & ours <= copied, path


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


def arguments_of(command: str, repository: Path, public: Path, there: Path) -> list[object]:
    """A command of the image, as somebody would call it."""
    key = ("--require-signature", "--public-key", public)
    calls: dict[str, list[object]] = {
        "help": ["--help"],
        "verify": ["verify", repository, *key],
        "sign": ["sign", repository, "--key", public.with_name("private.pem")],
        "layout": ["push", repository, f"oci:{there / 'layout'}"],
        "push": ["push", repository, f"pvc:{there / 'pushed'}"],
        "pull": ["pull", f"pvc:{repository}", there / "pulled", *key],
        "check": ["check", repository],
        "doctor": ["doctor"],
        "sbom": ["sbom", repository, "--out", there / "x"],
        "resources": ["resources", repository, "--out", there / "x"],
        "build": ["build", "--out", there / "x"],
        "plan": ["plan"],
        "graph": ["graph", "ocr"],
        "run": ["run", "a", repository / "a/config.pbtxt", "--repository", repository],
        "parity": ["parity", "ocr", "detector"],
    }
    return calls[command]


def sometimes(*commands: str) -> list[Any]:
    """The first two by default, the others with the slow tests: each is a process."""
    return [*commands[:2], *(pytest.param(each, marks=pytest.mark.slow) for each in commands[2:])]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("command", sometimes("verify", "pull", "help", "sign", "layout", "push"))
def test_the_image_verifies_signs_sends_and_fetches(
    image: Image, signed: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    done = image.call(*arguments_of(command, *signed, tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    sometimes("check", "doctor", "sbom", "resources", "build", "plan", "graph", "run", "parity"),
)
def test_every_other_command_says_what_the_image_has_not(
    image: Image, signed: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    done = image.call(*arguments_of(command, *signed, tmp_path))
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    (line,) = done.stderr.splitlines()
    found = re.search(r"package '(\w+)'|no module '(\w+)", line)
    assert line.startswith("error: ") and found, line
    assert (found[1] or found[2]) not in OURS


@pytest.mark.slow
def test_an_environment_of_these_alone_verifies(signed: tuple[Path, Path], tmp_path: Path) -> None:
    repository, public = signed
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", LISTED],
        check=True,
    )

    def verify() -> subprocess.CompletedProcess[str]:
        command = ["-B", "-m", "builders", "verify", "--require-signature", "--public-key"]
        return subprocess.run(
            [python, *command, public, repository], cwd=ROOT, capture_output=True, text=True
        )

    assert verify().returncode == 0, verify().stderr
    (repository / "a" / "config.pbtxt").write_text(MODEL.replace("a", "b"))
    refused = verify()
    assert refused.returncode == 1 and "a/config.pbtxt" in refused.stderr
