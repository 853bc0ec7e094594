"""Keyless signing and verification where sigstore, its issuer or an identity is missing.

The trust configuration is sigstore's own for tests, with addresses on this machine.
"""

from __future__ import annotations

import datetime
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import sigstore
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from builders.cli.app import app
from repository.sign import PrivateKey, sign
from tests.repository.transfer.repositories import PLAIN, write_repository

STORE = Path(sigstore.__file__).parent / "_store" / "https%3A%2F%2Ftuf-repo-cdn.sigstage.dev"
WHO = ("--identity", "somebody@example.org", "--issuer", "https://issuer.example.org")


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """The address of a port that refuses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def issuer() -> Iterator[str]:
    """An OpenID Connect issuer that describes itself, and refuses every token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            own = f"http://{self.headers['Host']}"
            known = self.path == "/.well-known/openid-configuration"
            names = {"authorization_endpoint": f"{own}/auth", "token_endpoint": f"{own}/token"}
            body = json.dumps(names).encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def trust(folder: Path, issuer: str, others: str) -> Path:
    """A client trust configuration."""
    config = json.loads((STORE / "signing_config.v0.2.json").read_text())
    for name in ("caUrls", "rekorTlogUrls", "tsaUrls", "oidcUrls"):
        for service in config[name]:
            service["url"] = issuer if name == "oidcUrls" else others
    made = {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": json.loads((STORE / "trusted_root.json").read_text()),
        "signingConfig": config,
    }
    path = folder / "trust.json"
    path.write_text(json.dumps(made))
    return path


def token(**claims: Any) -> str:
    now = datetime.datetime.now(datetime.UTC)
    made = {
        "iss": "https://issuer.example.org",
        "sub": "somebody@example.org",
        "aud": "sigstore",
        "iat": now,
        "nbf": now,
        "exp": now + datetime.timedelta(days=1),
        **claims,
    }
    return jwt.encode(made, "k" * 32)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "models", PLAIN)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, nobody: str, tmp_path: Path) -> None:
    """No CI job's identity, no cache of an earlier sigstore, and no way to the public one."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "SIGSTORE_ID_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, nobody)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr("id._internal.oidc.ambient._GCP_PRODUCT_NAME_FILE", "/nonexistent")


def refused(*arguments: object, code: int = 1, answer: str | None = None) -> str:
    """The one sentence of a command that refuses."""
    result = CliRunner().invoke(app, [str(each) for each in arguments], input=answer)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output and " at 0x" not in result.output
    (line,) = (each for each in result.stderr.splitlines() if each.startswith("error"))
    return line


def test_signing_without_an_identity_asks_for_one(repository: Path) -> None:
    said = refused("sign", repository, "--keyless")
    assert "[identity]" in said and "--identity-token-file" in said and "--key" in said
    assert not (repository / "model.sig").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("abc", "Not enough segments"),
        ("", "Not enough segments"),
        (token(aud="another"), "Audience doesn't match"),
        (token(exp=1_700_000_000), "has expired"),
        (b"\xff\xfe".decode("latin-1"), "identity token"),
    ],
)
def test_a_token_that_cannot_sign_is_refused_before_the_network(
    repository: Path, tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "token"
    path.write_text(f"{content}\n")
    told = refused("sign", repository, "--keyless", "--identity-token-file", path)
    assert "[identity] the identity token" in told and said in told


def test_a_token_file_that_is_not_there_is_wrong_usage(repository: Path) -> None:
    told = refused("sign", repository, "--keyless", "--identity-token-file", "/none", code=2)
    assert "cannot read /none" in told


def test_without_the_network_both_say_so(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token())
    keyless = ("sign", repository, "--keyless", "--identity-token-file", tmp_path / "token")
    assert "[sigstore] keyless signing" in refused(*keyless)
    (repository / "model.sig").write_text("{}")
    told = refused("verify", repository, *WHO)
    assert "[sigstore] keyless verification" in told and "--trust-config" in told


def test_an_issuer_or_a_sigstore_that_does_not_answer_is_told(
    repository: Path, tmp_path: Path, nobody: str, issuer: str
) -> None:
    (tmp_path / "token").write_text(token())
    keyless = ("sign", repository, "--keyless", "--identity-token-file", tmp_path / "token")
    for config in (trust(tmp_path, nobody, nobody), trust(tmp_path, issuer, nobody)):
        told = refused(*keyless, "--trust-config", config)
        assert "[sigstore] keyless signing" in told and "no connection" in told, told
    told = refused(*keyless, "--trust-config", trust(tmp_path, f"{issuer}/elsewhere", nobody))
    assert "HTTP status 404" in told
    assert not (repository / "model.sig").exists()


def test_who_leaves_the_terminal_is_asked_for_a_token(
    repository: Path, tmp_path: Path, nobody: str, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.sign.keyless.at_terminal", lambda: True)
    config = trust(tmp_path, issuer, nobody)
    told = refused("sign", repository, "--keyless", "--trust-config", config, answer="")
    assert "[identity]" in told and "--identity-token-file" in told


@pytest.mark.parametrize(
    ("content", "said"), [("{}", "other JSON"), ("no", "other text"), (None, "No such file")]
)
def test_a_trust_configuration_that_is_none_is_refused_by_its_path(
    repository: Path, tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "trust.json"
    if content is not None:
        path.write_text(content)
    (repository / "model.sig").write_text("{}")
    for command in (("sign", repository, "--keyless"), ("verify", repository, *WHO)):
        told = refused(*command, "--trust-config", path)
        assert f"[trust-config] {path}" in told and said in told


def test_a_signature_of_the_other_kind_is_named(
    repository: Path, tmp_path: Path, nobody: str
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = formats.Encoding.PEM
    (tmp_path / "private.pem").write_bytes(
        key.private_bytes(pem, formats.PrivateFormat.PKCS8, formats.NoEncryption())
    )
    (tmp_path / "public.pem").write_bytes(
        key.public_key().public_bytes(pem, formats.PublicFormat.SubjectPublicKeyInfo)
    )
    sign(repository, PrivateKey(tmp_path / "private.pem"))
    config = trust(tmp_path, nobody, nobody)
    told = refused("verify", repository, *WHO, "--trust-config", config)
    assert "found one by a key" in told and "--public-key" in told
    bundle = json.loads((repository / "model.sig").read_text())
    bundle["verificationMaterial"] = {"certificate": {"rawBytes": "MAA="}}
    (repository / "model.sig").write_text(json.dumps(bundle))
    told = refused("verify", repository, "--public-key", tmp_path / "public.pem")
    assert "found a keyless one" in told and "its issuer (--identity, --issuer)." in told
