"""The key of a remote server, and its certificate."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from builders.kit.unavailable import Unavailable
from tests.builders.decoder.remote.asking import Engine
from tests.builders.decoder.remote.stub import Stub, stub

Make = Callable[..., Engine]

KEY = "sk-remote-0123456789"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECODER_KEY", KEY)


def test_the_key_is_sent(server: Stub, make: Make) -> None:
    assert make(api_key_env="DECODER_KEY").ask("hello").answer() == "hello"
    assert server.last().headers["authorization"] == f"Bearer {KEY}"


def test_without_a_key_none_is_sent(server: Stub, make: Make) -> None:
    assert make().ask("hello").answer() == "hello"
    assert "authorization" not in server.last().headers


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "500 x"]
)
def test_a_key_that_a_server_repeats_is_shown_to_nobody(
    server: Stub, make: Make, status: str
) -> None:
    server.behave = lambda it: it.body_of(status, f'{{"error": "wrong key {KEY}"}}'.encode())
    engine = make(api_key_env="DECODER_KEY")
    told = str(engine.ask().refused())
    assert KEY not in told + "".join(engine.host.log)


def test_a_key_in_an_error_in_the_middle_is_shown_to_nobody(server: Stub, make: Make) -> None:
    def behave(exchange: object) -> None:
        from tests.builders.decoder.remote.stub import Exchange

        assert isinstance(exchange, Exchange)
        exchange.head()
        exchange.data({"error": {"message": f"the key {KEY} has no money left"}})

    server.behave = behave
    engine = make(api_key_env="DECODER_KEY")
    told = str(engine.ask().refused())
    assert "the key [key] has no money left" in told
    assert engine.host.log
    assert KEY not in told + "".join(engine.host.log)


def test_a_server_that_takes_no_key_is_told_by_its_status(server: Stub, make: Make) -> None:
    server.behave = lambda it: it.body_of("401 Unauthorized", b'{"error": "no such key"}')
    engine = make(api_key_env="DECODER_KEY", retries=3)
    error = engine.ask().refused()
    assert isinstance(error, Unavailable)
    assert str(error) == "the remote decoder did not take the request (status 401)"
    assert "the key" in engine.host.log[-1]


@pytest.mark.parametrize(
    ("value", "found"), [(None, "found none"), ("  ", "found none"), ("two words", "a space")]
)
def test_a_variable_without_a_key_does_not_load(
    server: Stub, monkeypatch: pytest.MonkeyPatch, value: str | None, found: str
) -> None:
    monkeypatch.delenv("DECODER_KEY")
    if value is not None:
        monkeypatch.setenv("DECODER_KEY", value)
    with pytest.raises(RuntimeError, match=f"environment variable DECODER_KEY.*{found}") as raised:
        Engine(server.url, api_key_env="DECODER_KEY")
    assert "two words" not in str(raised.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody knows, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stub")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "stub.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_is_known_is_taken(
    make: Make, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with stub(tls=_tls(certificate)) as server:
        engine = make(url=server.url, api_key_env="DECODER_KEY")
        for text in ("one", "two"):
            assert engine.ask(text).answer() == text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_certificate_is_refused(
    make: Make, certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """One that nobody knows, and one of another host."""
    if host == "localhost":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with stub(tls=_tls(certificate)) as server:
        engine = make(url=server.url.replace("127.0.0.1", host), retries=2)
        error = engine.ask().refused()
        assert str(error) == "the remote decoder has a certificate that is not valid for it"
        assert not server.exchanges
