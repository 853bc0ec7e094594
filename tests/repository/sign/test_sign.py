"""A repository is signed, and refused with one sentence a file when it is not what was signed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from builders.cli.app import app
from repository import manifest as manifests
from repository.manifest.schema import digest_of
from repository.sign import Identity, PrivateKey, SigningError, sign, verify_signature
from repository.sign.keys import check_private, check_public

ROOT = Path(__file__).resolve().parents[3]
WEIGHTS = "detect/1/model.onnx"
CONFIG = "detect/config.pbtxt"
FILES = {CONFIG: b'name: "detect"\n', WEIGHTS: b"\x08\x0a" * 50, "detect/1/labels.txt": b"a"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of keys: good, another's, encrypted, and kinds that cannot sign."""
    folder = tmp_path_factory.mktemp("keys")
    made: dict[str, Any] = {
        "good": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "p521": ec.generate_private_key(ec.SECP521R1()),
        "other": ec.generate_private_key(ec.SECP256R1()),
        "bitcoin": ec.generate_private_key(ec.SECP256K1()),
        "rsa": rsa.generate_private_key(65537, 1024),
        "edwards": ed25519.Ed25519PrivateKey.generate(),
    }
    pem, pkcs8 = formats.Encoding.PEM, formats.PrivateFormat.PKCS8
    plain = formats.NoEncryption()
    for name, key in made.items():
        (folder / f"{name}.pem").write_bytes(key.private_bytes(pem, pkcs8, plain))
        (folder / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(pem, formats.PublicFormat.SubjectPublicKeyInfo)
        )
    good = made["good"]
    locked = formats.BestAvailableEncryption(b"secret")
    (folder / "locked.pem").write_bytes(good.private_bytes(pem, pkcs8, locked))
    (folder / "good.der").write_bytes(good.private_bytes(formats.Encoding.DER, pkcs8, plain))
    (folder / "ssh.pem").write_bytes(good.private_bytes(pem, formats.PrivateFormat.OpenSSH, plain))
    (folder / "sec1.pem").write_bytes(
        good.private_bytes(pem, formats.PrivateFormat.TraditionalOpenSSL, plain)
    )
    (folder / "empty.pem").write_bytes(b"")
    (folder / "huge.pem").write_bytes(b"0" * 100_000)
    return folder


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Writes files, and the manifest that lists them."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    made: dict[str, Any] = {
        "schema": 1,
        "kit": {"name": manifests.KIT, "version": manifests.VERSION},
        "target": {"triton": "24.10"},
        **{key: {} for key in ("profile", "families", "exports", "models", "tools", "times")},
        "metrics": [],
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
    }
    made["digest"] = digest_of(made)
    (folder / "manifest.json").write_text(json.dumps(made))


@pytest.fixture
def unsigned(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    write(folder, FILES)
    (folder / "README.md").write_text("what this folder is")
    return folder


@pytest.fixture
def signed(unsigned: Path, keys: Path) -> Path:
    sign(unsigned, PrivateKey(keys / "good.pem"))
    return unsigned


def refusals(folder: Path, key: Path | Identity) -> list[tuple[str, str]]:
    with pytest.raises(SigningError) as refused:
        verify_signature(folder, key)
    return [(each.rule, each.where) for each in refused.value.findings]


@pytest.mark.parametrize("name", ["good", "p384", "p521"])
def test_what_was_signed_is_accepted_wherever_it_lies(
    unsigned: Path, keys: Path, tmp_path: Path, name: str
) -> None:
    sign(unsigned, PrivateKey(keys / f"{name}.pem"))
    assert manifests.verify(unsigned) == []
    arrived = tmp_path / "mnt"
    shutil.copytree(unsigned, arrived)
    (arrived / "README.md").unlink()
    verify_signature(arrived, keys / f"{name}.pub")
    assert refusals(arrived, keys / "other.pub") == [("signature", "model.sig")]


def test_signing_again_replaces(signed: Path, keys: Path) -> None:
    sign(signed, PrivateKey(keys / "other.pem"))
    verify_signature(signed, keys / "other.pub")
    assert refusals(signed, keys / "good.pub") == [("signature", "model.sig")]
    assert sorted(path.name for path in signed.iterdir()) == [
        *("README.md", "detect", "manifest.json", "model.sig")
    ]


def test_an_unsigned_repository_is_refused(unsigned: Path, keys: Path) -> None:
    assert refusals(unsigned, keys / "good.pub") == [("unsigned", "model.sig")]
    (unsigned / "manifest.json").unlink()
    assert refusals(unsigned, keys / "good.pub") == [("manifest", "manifest.json")]


def swap_consistently(folder: Path) -> None:
    """What an attacker does who knows the manifest's format."""
    write(folder, FILES | {WEIGHTS: b"\x08\x0b" * 50})


def add_consistently(folder: Path) -> None:
    write(folder, FILES | {"x/1/model.py": b"1"})


DAMAGES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "changed, same size": (lambda r: (r / WEIGHTS).write_bytes(b"\x08\x0b" * 50), [WEIGHTS]),
    "changed, another size": (lambda r: (r / WEIGHTS).write_bytes(b"\x08"), [WEIGHTS]),
    "missing": (lambda r: (r / WEIGHTS).unlink(), [WEIGHTS]),
    "added": (lambda r: (r / "detect/1/more.py").write_text("1"), ["detect/1/more.py"]),
    "added where git keeps its own": (lambda r: (r / ".gitignore").write_text("1"), [".gitignore"]),
    "an empty folder added": (lambda r: (r / "model").mkdir(), ["model"]),
    "a link": (
        lambda r: ((r / WEIGHTS).unlink(), (r / WEIGHTS).symlink_to("/etc/passwd")),
        [WEIGHTS],
    ),
    "changed with its manifest": (swap_consistently, [WEIGHTS, "manifest.json"]),
    "added with its manifest": (add_consistently, ["manifest.json", "x/1/model.py"]),
    "bytecode": (
        lambda r: ((r / "a/__pycache__").mkdir(parents=True), (r / "a/__pycache__/m.pyc").touch()),
        ["a/__pycache__"],
    ),
    "a push cut off": (
        lambda r: ((r / ".pull").mkdir(), (r / ".pull/part").touch(), (r / WEIGHTS).unlink()),
        [".pull"],
    ),
    "no manifest": (lambda r: (r / "manifest.json").unlink(), ["manifest.json"]),
    "several": (
        lambda r: ((r / WEIGHTS).unlink(), (r / CONFIG).write_text('name: "detecT"\n')),
        [WEIGHTS, CONFIG],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_as_it_was_signed_is_refused_by_name(
    signed: Path, keys: Path, damage: str
) -> None:
    harm, named = DAMAGES[damage]
    harm(signed)
    assert sorted(where for _, where in refusals(signed, keys / "good.pub")) == sorted(named)


def test_a_changed_repository_is_not_signed(signed: Path, keys: Path) -> None:
    before = (signed / "model.sig").read_bytes()
    (signed / WEIGHTS).write_bytes(b"")
    with pytest.raises(SigningError, match=WEIGHTS):
        sign(signed, PrivateKey(keys / "good.pem"))
    assert (signed / "model.sig").read_bytes() == before


def test_a_signature_that_leaves_files_out_is_not_enough(unsigned: Path, keys: Path) -> None:
    from model_signing import hashing, signing

    config = hashing.Config().set_ignored_paths(paths=[WEIGHTS, "README.md"])
    signer = signing.Config().use_elliptic_key_signer(private_key=keys / "good.pem")
    signer.set_hashing_config(config).sign(unsigned, unsigned / "model.sig")
    assert refusals(unsigned, keys / "good.pub") == [("signature", WEIGHTS)]


def altered(bundle: dict[str, Any], part: str, position: int, bit: int) -> dict[str, Any]:
    envelope = bundle["dsseEnvelope"]
    holder, key = (envelope, "payload") if part == "payload" else (envelope["signatures"][0], "sig")
    content = bytearray(base64.b64decode(holder[key]))
    content[position % len(content)] ^= 1 << bit
    holder[key] = base64.b64encode(bytes(content)).decode()
    return bundle


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    part=st.sampled_from(["payload", "sig"]), position=st.integers(0, 10**6), bit=st.integers(0, 7)
)
def test_one_bit_of_a_signature_is_enough_to_refuse_it(
    signed: Path, keys: Path, part: str, position: int, bit: int
) -> None:
    path = signed / "model.sig"
    good = path.read_text()
    path.write_text(json.dumps(altered(json.loads(good), part, position, bit)))
    assert refusals(signed, keys / "good.pub") == [("signature", "model.sig")]
    path.write_text(good)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.one_of(
        st.binary(max_size=50),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: st.dictionaries(
                st.sampled_from(["dsseEnvelope", "verificationMaterial", "mediaType", "publicKey"]),
                inner,
            ),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_a_file_that_is_no_signature_is_refused_in_a_sentence(
    unsigned: Path, keys: Path, content: bytes
) -> None:
    (unsigned / "model.sig").write_bytes(content)
    assert refusals(unsigned, keys / "good.pub") == [("signature", "model.sig")]


def test_a_signature_that_would_fill_the_memory_is_not_given_to_the_library(
    unsigned: Path, keys: Path
) -> None:
    (unsigned / "model.sig").write_bytes(b"[" + b"[]," * 10_000_000 + b"0]")
    with pytest.raises(SigningError, match="at most 4,000,000 values"):
        verify_signature(unsigned, keys / "good.pub")


def test_a_signature_that_is_no_file_is_refused(signed: Path, keys: Path) -> None:
    path = signed / "model.sig"
    path.rename(signed.parent / "elsewhere.sig")
    path.symlink_to(signed.parent / "elsewhere.sig")
    assert refusals(signed, keys / "good.pub") == [("signature", "model.sig")]
    path.unlink()
    os.mkfifo(path)
    assert refusals(signed, keys / "good.pub") == [("signature", "model.sig")]


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert "Traceback" not in result.output
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("missing.pem", "No such file"),
        (".", "no regular file"),
        ("empty.pem", "an empty file"),
        ("huge.pem", "100,000 bytes"),
        ("good.der", "no PEM"),
        ("ssh.pem", "OpenSSH's format"),
        ("good.pub", "found a public key"),
        ("rsa.pem", "a key of RSA"),
        ("edwards.pem", "a key of Ed25519"),
        ("bitcoin.pem", "secp256k1"),
        ("locked.pem", "--password-file"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_in_a_sentence(
    unsigned: Path, keys: Path, key: str, said: str
) -> None:
    code, output = call("sign", unsigned, "--key", keys / key)
    assert (code, said in output, output.count("error")) == (1, True, 1), output
    assert not (unsigned / "model.sig").exists()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("missing.pub", "No such file"),
        ("empty.pem", "an empty file"),
        ("good.pem", "found a private key"),
        ("rsa.pub", "a key of RSA"),
        ("bitcoin.pub", "secp256k1"),
    ],
)
def test_a_key_that_cannot_verify_is_refused_in_a_sentence(
    signed: Path, keys: Path, key: str, said: str
) -> None:
    code, output = call("verify", signed, "--public-key", keys / key)
    assert (code, said in output, output.count("error")) == (1, True, 1), output


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    label=st.sampled_from(
        ["PUBLIC KEY", "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "CERTIFICATE"]
    ),
    position=st.integers(0, 10**6),
    content=st.binary(max_size=40),
    password=st.none() | st.binary(max_size=5),
)
def test_whatever_a_key_file_holds_is_told_as_a_finding(
    keys: Path, tmp_path: Path, label: str, position: int, content: bytes, password: bytes | None
) -> None:
    body = bytearray(base64.b64decode("".join((keys / "good.pub").read_text().split("\n")[1:-2])))
    place = position % len(body)
    body[place : place + len(content)] = content
    text = base64.encodebytes(bytes(body)).decode()
    path = tmp_path / "key.pem"
    path.write_text(f"-----BEGIN {label}-----\n{text}-----END {label}-----\n")
    with contextlib.suppress(SigningError):
        check_public(path)
    with contextlib.suppress(SigningError):
        check_private(PrivateKey(path, password))


def test_an_encrypted_key_signs_with_its_password(unsigned: Path, keys: Path) -> None:
    password = unsigned.parent / "password"
    password.write_text("wrong\n")
    arguments = ("sign", unsigned, "--key", keys / "locked.pem", "--password-file", password)
    code, output = call(*arguments)
    assert code == 1 and "the key's password" in output
    password.write_text("secret\n")
    assert call(*arguments)[0] == 0
    verify_signature(unsigned, keys / "good.pub")
    code, output = call("sign", unsigned, "--key", keys / "sec1.pem", "--password-file", password)
    assert code == 1 and "Leave out the password (--password-file)." in output


def test_the_command_line_signs_and_verifies(unsigned: Path, keys: Path) -> None:
    required = ("verify", unsigned, "--require-signature", "--public-key", keys / "good.pub")
    assert call(*required)[0] == 1
    assert call("sign", unsigned, "--key", keys / "good.pem")[0] == 0
    assert "and signed" in call(*required)[1]
    assert "and signed" not in call("verify", unsigned)[1]
    for wrong in (
        ("sign", unsigned),
        ("sign", unsigned, "--keyless", "--key", keys / "good.pem"),
        ("sign", "/nonexistent", "--key", keys / "good.pem"),
        ("sign", unsigned, "--key", keys / "locked.pem", "--password-file", "/nonexistent"),
        ("verify", unsigned, "--require-signature"),
        ("verify", unsigned, "--identity", "somebody@example.org"),
        (*required, "--identity", "somebody@example.org", "--issuer", "https://example.org"),
    ):
        code, output = call(*wrong)
        assert code == 2 and len(output) > 20, wrong


def test_verifying_needs_the_standard_library_alone_until_a_key_is_given() -> None:
    code = (
        "import sys; before = set(sys.modules); import repository.sign; "
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "['repository']"


@pytest.mark.thorough
def test_a_build_with_nothing_to_do_keeps_the_signature_and_another_drops_it(
    tmp_path: Path, keys: Path
) -> None:
    script = ROOT / "tests/builders/kit/build/builds.py"

    def build() -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-B", script, tmp_path, "build"],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": f"{ROOT}:{script.parent / 'toys'}"},
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    weights = tmp_path / "weights.json"
    weights.write_text(json.dumps({"factor": 2.0, "shift": 1.0}))
    repository = tmp_path / "repository"
    assert build()["changed"]
    sign(repository, PrivateKey(keys / "good.pem"))
    assert not build()["changed"]
    verify_signature(repository, keys / "good.pub")
    weights.write_text(json.dumps({"factor": 2.0, "shift": 1.25}))
    assert build()["changed"]
    assert refusals(repository, keys / "good.pub") == [("unsigned", "model.sig")]


def test_triton_loads_every_folder_and_does_not_mind_a_signature(
    serve: Callable[..., Any], tmp_path: Path, keys: Path
) -> None:
    config = (
        'name: "echo" backend: "python" max_batch_size: 0 '
        'input { name: "x" data_type: TYPE_FP32 dims: [-1] } '
        'output { name: "y" data_type: TYPE_FP32 dims: [-1] } '
        "instance_group { count: 1 kind: KIND_CPU }"
    )
    model = "class TritonPythonModel:\n    def execute(self, requests):\n        return []\n"
    write(
        tmp_path / "models",
        {"echo/config.pbtxt": config.encode(), "echo/1/model.py": model.encode()},
    )
    sign(tmp_path / "models", PrivateKey(keys / "good.pem"))
    options = ("--model-control-mode=none", "--exit-on-error=true")
    server = serve(tmp_path / "models", load=(), overrides=options)
    assert [(each.name, each.ready) for each in server.control.index()] == [("echo", True)]
