"""The image that verifies has what verifying needs, pinned as in the builder's environment."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import venv
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from builders.kit.manifest import KIT, VERSION
from builders.kit.manifest_schema import FIELDS, digest_of
from builders.kit.sign import PrivateKey, sign

ROOT = Path(__file__).resolve().parents[2]
LISTED = ROOT / "runtime" / "verify_requirements.txt"
MODEL = 'name: "a" backend: "python"'


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
    made = {"schema": 1, **{name: kind() for name, kind in FIELDS.items()}}
    made["kit"] = {"name": KIT, "version": VERSION}
    made["target"] = {"triton": "24.10"}
    sha256 = hashlib.sha256(MODEL.encode()).hexdigest()
    made["files"] = {"a/config.pbtxt": {"sha256": sha256, "bytes": len(MODEL)}}
    made["digest"] = digest_of(made)
    (repository / "manifest.json").write_text(json.dumps(made))
    sign(repository, PrivateKey(tmp_path / "private.pem"))
    return repository, public


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
        command = [python, "-B", "-m", "builders", "verify", repository, "--require-signature"]
        return subprocess.run(
            [*command, "--public-key", public], cwd=ROOT, capture_output=True, text=True
        )

    assert verify().returncode == 0, verify().stderr
    (repository / "a" / "config.pbtxt").write_text(MODEL.replace("a", "b"))
    refused = verify()
    assert refused.returncode == 1 and "a/config.pbtxt" in refused.stderr
