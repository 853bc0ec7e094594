"""Built repositories whose manifest, signature or key was changed."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from repository.manifest.schema import digest_of
from repository.sign import PrivateKey, sign
from tests.fuzz import mutate
from tests.fuzz.artefacts import odd
from tests.fuzz.artefacts.artefact import Artefact, Ran
from tests.fuzz.artefacts.repositories import BUILT
from tests.hostile.writing import model, onnx_model, sparse

OTHER_FILES: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link out": lambda path: path.symlink_to("../../secret.txt"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a terabyte": sparse(1 << 40),
    "64 MiB of zeros": sparse(64 << 20),
    "nothing": lambda path: path.touch(),
}


@functools.cache
def good() -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a small repository, and a manifest with all that a real build writes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model(folder, "m")
        onnx_model(folder, name="n")
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    document = json.loads((BUILT / "manifest.json").read_bytes())
    document["models"] = {
        "m": document["models"]["collect"],
        "n": document["models"]["detect"],
    }
    document["files"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
    }
    return files, signed(document)


def signed(document: dict[str, Any]) -> dict[str, Any]:
    """A manifest with the digest of what it says."""
    return document | {"digest": digest_of(document)}


@functools.cache
def keys() -> tuple[bytes, bytes, bytes]:
    """A private key, its public one, and the signature of the good repository."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.derive_private_key(0x5EED, ec.SECP256R1())
    written = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "models")
        put(folder, json.dumps(good()[1]).encode())
        Path(name, "key").write_bytes(written)
        signature = sign(folder, PrivateKey(Path(name, "key"), None)).read_bytes()
    return written, public, signature


def put(folder: Path, manifest: bytes | Callable[[Path], object], **more: bytes) -> None:
    """The small repository with another manifest, and with other files by name."""
    for name, content in (good()[0] | {key.replace("__", "."): more[key] for key in more}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if isinstance(manifest, bytes):
        (folder / "manifest.json").write_bytes(manifest)
    else:
        manifest(folder / "manifest.json")


def is_whole(folder: Path) -> str:
    """What of a repository is not as its manifest says, told without the kit."""
    document = json.loads((folder / "manifest.json").read_bytes())
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() or path.is_symlink()
    }
    if there - {"manifest.json", "model.sig"} != document["files"].keys():
        return f"it has other files than {sorted(document['files'])}"
    for name, entry in document["files"].items():
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != entry["sha256"] or len(content) != entry["bytes"]:
            return f"{name} is not what the manifest says"
    return ""


def _manifest(random: Random) -> tuple[str, bytes | Callable[[Path], object]]:
    if random.random() < 0.08:
        what = random.choice(sorted(OTHER_FILES))
        return f"a manifest that is {what}", OTHER_FILES[what]
    document = odd.changed(random, good()[1])
    if isinstance(document, dict) and random.random() < 0.75:
        document = signed(document)
    return "a manifest", odd.json_text(random, document)


def _wrote_json(folder: Path, _ran: Ran) -> str:
    """A list of contents that is one."""
    document = json.loads((folder / "sbom.json").read_bytes())
    return "" if document["bomFormat"] == "CycloneDX" else "sbom.json is no list of contents"


def _pushed(folder: Path, _ran: Ran) -> str:
    """What arrived is what was sent."""
    if wrong := is_whole(folder / "models") or is_whole(folder / "there"):
        return wrong
    same = (folder / "models/manifest.json").read_bytes()
    return "" if (folder / "there/manifest.json").read_bytes() == same else "another manifest"


COMMANDS: tuple[tuple[tuple[str, ...], tuple[str, ...], Callable[[Path, Ran], str]], ...] = (
    (("builders", "verify", "models"), (), lambda folder, _: is_whole(folder / "models")),
    (("builders", "verify", "models"), (), lambda folder, _: is_whole(folder / "models")),
    (("builders", "check", "models"), (), lambda _folder, _ran: ""),
    (("builders", "sbom", "models", "--out", "sbom.json"), ("sbom.json",), _wrote_json),
    (("builders", "sbom", "models", "--out", "sbom.json"), ("sbom.json",), _wrote_json),
    (("builders", "push", "models", "pvc:{work}/there", "--quiet"), ("there",), _pushed),
    (("builders", "push", "models", "oci:127.0.0.1:1/a/b:1", "--output", "layout"), ("layout",),
     lambda folder, _: is_whole(folder / "models")),
    (("builders", "pull", "pvc:{work}/models", "there", "--quiet"), ("there",), _pushed),
    (("runtime", "serve", "models"), (), lambda folder, _: is_whole(folder / "models")),
    (("runtime", "serve", "models", "--engine", "docker", "--dry-run"), (),
     lambda folder, _: is_whole(folder / "models")),
    (("runtime", "serve", "models", "--engine", "podman", "--dry-run", "--no-verify"), (),
     lambda _folder, _ran: ""),
    (("builders", "plan", "--out", "models"), (), lambda _folder, _ran: ""),
)  # fmt: skip
"""What reads a manifest; what a success writes; whether that is right."""


def manifest(random: Random) -> Artefact:
    """A repository with a manifest that was changed, for one of the commands that read it."""
    command, made, judge = random.choice(COMMANDS)
    what, written = _manifest(random)
    what = f"{what} for {' '.join(command[:2])}"
    content = written if isinstance(written, bytes) else b""
    return Artefact(
        what,
        lambda folder: put(folder / "models", written),
        command,
        content,
        made=made,
        judge=judge,
    )


def signature(random: Random) -> Artefact:
    """A signed repository whose signature or key was changed: it is whole, or it is refused."""
    private, public, right = keys()
    text = json.dumps(good()[1]).encode()
    if random.random() < 0.6:
        changed = right
        while changed == right:
            document = odd.changed(random, json.loads(right))
            changed = random.choice(
                (odd.json_text(random, document), mutate.blindly(random, right))
            )
        command = ("builders", "verify", "models", "--public-key", "public.pem")
        what, pem, sig = "a signature", public, changed
    else:
        sig, pem = right, mutate.blindly(random, random.choice((public, private)))
        sign_it = random.random() < 0.4
        command = (
            ("builders", "sign", "models", "--key", "public.pem")
            if sign_it
            else ("builders", "verify", "models", "--public-key", "public.pem")
        )
        what, changed = f"a key for {command[1]}", pem

    def write(folder: Path) -> None:
        put(folder / "models", text, model__sig=sig)
        (folder / "public.pem").write_bytes(pem)

    made = ("models/model.sig",) if command[1] == "sign" else ()
    return Artefact(
        what,
        write,
        command,
        changed,
        made=made,
        judge=lambda folder, _: is_whole(folder / "models"),
    )
