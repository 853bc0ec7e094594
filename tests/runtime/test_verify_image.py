"""The image that verifies has all of `repository` and what that needs, and nothing else."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec

from repository.manifest import KIT, VERSION
from repository.manifest.schema import FIELDS, digest_of
from repository.places import PACKAGES
from repository.sign import PrivateKey, sign
from tests.kserve.arrival.image import Image

ROOT = Path(__file__).resolve().parents[2]
CONTAINERFILE = ROOT / "runtime" / "verify.Containerfile"
MODEL = """
name: "a" backend: "python" max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output { name: "y" data_type: TYPE_FP32 dims: 1 }
"""
CODE = """
class TritonPythonModel:
    def execute(self, requests):
        return []
"""


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
    """A command, as somebody would call it."""
    key = ("--require-signature", "--public-key", public)
    calls: dict[str, list[object]] = {
        "help": ["--help"],
        "check": ["check", repository],
        "verify": ["verify", repository, *key],
        "sign": ["sign", repository, "--key", public.with_name("private.pem")],
        "layout": ["push", repository, f"oci:{there / 'layout'}"],
        "push": ["push", repository, f"pvc:{there / 'pushed'}"],
        "pull": ["pull", f"pvc:{repository}", there / "pulled", *key],
        "doctor": ["doctor"],
        "sbom": ["sbom", repository, "--out", there / "x"],
        "build": ["build", "--out", there / "x"],
        "plan": ["plan"],
        "graph": ["graph", "ocr"],
        "parity": ["parity", "ocr", "detector"],
    }
    return calls[command]


def sometimes(*commands: str) -> list[Any]:
    """The first by default, the others where all is tried: each is a process."""
    others = (pytest.param(each, marks=pytest.mark.thorough) for each in commands[1:])
    return [commands[0], *others]


@pytest.mark.parametrize(
    "command", sometimes("check", "verify", "pull", "help", "sign", "layout", "push")
)
def test_the_image_checks_verifies_signs_sends_and_fetches(
    image: Image, signed: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    done = image.call(*arguments_of(command, *signed, tmp_path))
    assert done.returncode == 0, done.stderr


def missing(done: subprocess.CompletedProcess[str]) -> str:
    """The package that a command said it lacks."""
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    (line,) = done.stderr.splitlines()
    found = re.search(r"package (?:of )?'(\w+)'|no module '(\w+)", line)
    assert line.startswith("error") and found, line
    return found[1] or found[2]


def test_sbom_says_what_the_image_has_not(
    image: Image, signed: tuple[Path, Path], tmp_path: Path
) -> None:
    assert missing(image.call(*arguments_of("sbom", *signed, tmp_path))) == "cyclonedx"


@pytest.mark.parametrize("command", sometimes("plan", "doctor", "build", "graph", "parity"))
def test_a_builder_without_its_packages_says_so(
    image: Image, signed: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    arguments = arguments_of(command, *signed, tmp_path)
    assert missing(image.call(*arguments, program="builders", folder=ROOT)) not in PACKAGES
