"""The verifying image, a pair of keys, and the built repository signed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec

from repository.sign import PrivateKey, sign
from tests.kserve.arrival.image import Image
from tests.kserve.schemas.crds import ROOT

BUILT = ROOT / "model_repository"


@pytest.fixture(scope="package")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="package")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``private.pem``, its ``public.pem`` in ``mine``, and another's in ``other``."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("mine", "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / name).mkdir()
        (folder / name / "public.pem").write_bytes(
            key.public_key().public_bytes(
                formats.Encoding.PEM, formats.PublicFormat.SubjectPublicKeyInfo
            )
        )
        if name == "mine":
            (folder / "private.pem").write_bytes(
                key.private_bytes(
                    formats.Encoding.PEM, formats.PrivateFormat.PKCS8, formats.NoEncryption()
                )
            )
    return folder


@pytest.fixture(scope="package")
def signed(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Path:
    """The built repository, signed; for copies."""
    assert (BUILT / "manifest.json").is_file(), "run `make build-repo` before the tests"
    folder = tmp_path_factory.mktemp("signed") / "models"
    shutil.copytree(BUILT, folder, ignore=shutil.ignore_patterns("__pycache__", "model.sig"))
    sign(folder, PrivateKey(keys / "private.pem"))
    return folder
