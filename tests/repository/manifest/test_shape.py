"""Whatever a manifest holds, every command that reads it says what is wrong, and where."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as formats
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from builders.cli.app import app
from repository.manifest import KIT, VERSION, ManifestError, read_manifest, verify
from repository.manifest.schema import digest_of
from repository.manifest.shape import lacking
from runtime import cli as runtime_cli
from runtime.errors import RuntimeFailure

CONFIG = b'name: "a"\nbackend: "python"\nmax_batch_size: 0\n'
FILES = {"a/config.pbtxt": CONFIG, "a/1/model.py": b"pass\n"}
VALUES: tuple[Any, ...] = (
    None, [], {}, "", "x", 0, -1, 1.5, True, [[]], {"a": None}, 1 << 70, "\ud800", "\x1b[2J\n",
)  # fmt: skip


def document() -> dict[str, Any]:
    """One with every field that a build writes."""
    sources = {
        "weights": {
            "uri": "package:x/y.onnx",
            "revision": "1.0",
            "licence": "Apache-2.0",
            "about": "",
            "files": {"y.onnx": "0" * 64},
        }
    }
    made: dict[str, Any] = {
        "schema": 1,
        "kit": {"name": KIT, "version": VERSION},
        "target": {"triton": "24.10", "device": "cpu", "precision": "fp32"},
        "profile": {"triton": "24.10"},
        "families": {"f": {"pipelines": ["a"], "sources": sources}},
        "exports": {
            "f/e": {"family": "f", "source": "weights", "facts": {}, "bytes": 5, "parity": None}
        },
        "models": {
            "a": {
                "kind": "python",
                "backend": "python",
                "families": ["f"],
                "exports": ["f/e"],
                "calls": [],
                "bytes": 50,
                "max_batch_size": 0,
            }
        },
        "metrics": [
            {
                "family": "f",
                "name": "m",
                "pipeline": "a",
                "better": "lower",
                "bound": 0.5,
                "value": 0,
            }
        ],
        "tools": {"python": "3.11"},
        "files": {
            name: {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
            for name, body in FILES.items()
        },
        "times": {"built": "2026-01-01T00:00:00+00:00", "seconds": 1.5, "steps": {"s": 1}},
    }
    return made


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document but its profile and facts, of which nothing is asked."""
    if path:
        yield path
    inner: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value)
    for key, each in inner:
        if key not in ("profile", "facts", "max_batch_size", "schema"):
            yield from places(each, (*path, key))


PLACES = list(places(document()))


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = document()
    at: Any = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = copy.deepcopy(value)
    return made


def write(folder: Path, made: dict[str, Any]) -> Path:
    for name, body in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    made.setdefault("digest", digest_of(made))
    (folder / "manifest.json").write_text(json.dumps(made))
    return folder


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "private.pem"
    path.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            formats.Encoding.PEM, formats.PrivateFormat.PKCS8, formats.NoEncryption()
        )
    )
    return path


def call(*arguments: object) -> tuple[int, str]:
    """Exit code and output of a command; the terminal takes all of it."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), arguments
    result.output.encode()
    assert "\x1b" not in result.output
    return result.exit_code, result.output


def told(folder: Path, key: Path, there: Path) -> Iterator[tuple[str, int, str]]:
    """What each command says of a repository."""
    yield "verify", *call("verify", folder)
    yield "check", *call("check", folder)
    yield "sbom", *call("sbom", folder, "--out", there / "sbom.json")
    yield "resources", *call("resources", folder, "--out", there / "patch.yaml")
    yield "sign", *call("sign", folder, "--key", key)
    yield "push", *call("push", folder, f"pvc:{there / 'pushed'}", "--quiet")
    yield "pull", *call("pull", f"pvc:{folder}", there / "pulled", "--quiet")


def test_a_whole_manifest_is_taken(tmp_path: Path) -> None:
    folder = write(tmp_path / "r", document())
    assert verify(folder) == []
    assert lacking(vars(read_manifest(folder)), "kit", "target", "families", "models") == []


@pytest.mark.parametrize("number", range(0, len(PLACES), 7))
def test_a_value_of_a_wrong_type_is_a_sentence_with_its_place(
    tmp_path: Path, key: Path, number: int
) -> None:
    path = PLACES[number]
    value: object = 7 if path[-1] in ("uri", "built") or isinstance(path[-1], int) else [[]]
    folder = write(tmp_path / "r", changed(path, value))
    outcomes = {name: (code, said) for name, code, said in told(folder, key, tmp_path)}
    for name, (code, said) in outcomes.items():
        assert code == 1 or name == "check", name
        assert "manifest.json, " in said and str(path[0]) in said, (name, said)
    with pytest.raises(ManifestError):
        read_manifest(folder)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_no_value_anywhere_is_more_than_findings(tmp_path: Path, path: tuple[Any, ...]) -> None:
    for value in VALUES:
        folder = write(tmp_path, changed(path, value))
        for finding in verify(folder):
            assert str(finding).isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(path=st.sampled_from(PLACES), value=json_values)
def test_any_value_is_taken_or_told(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[Any, ...], value: Any
) -> None:
    folder = write(tmp_path_factory.mktemp("r"), changed(path, value))
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        assert all(str(each).isprintable() for each in error.findings)
    else:
        for each in lacking(vars(manifest), "kit", "target", "families", "exports", "models"):
            assert str(each).isprintable()


def test_an_empty_target_is_told_by_whoever_needs_it(tmp_path: Path, key: Path) -> None:
    folder = write(tmp_path / "r", changed(("target",), {}))
    for name, code, said in told(folder, key, tmp_path):
        if name in ("push", "pull", "sign", "verify", "check", "sbom", "resources"):
            assert "manifest.json, target, triton: expected a string, found nothing" in said, name
        assert code == 1 or name == "check"
    with pytest.raises(RuntimeFailure, match=r"manifest\.json, target, triton"):
        runtime_cli._verify(folder)
    assert runtime_cli._target(folder) == (runtime_cli.DEFAULT_RELEASE, "cpu")


def test_a_release_that_is_none_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "r", changed(("target", "triton"), "99.99"))
    code, said = call("check", folder)
    assert code == 2 and "99.99" in said


def test_a_manifest_of_something_else_does_not_stop_a_check(tmp_path: Path) -> None:
    folder = write(tmp_path / "r", document())
    (folder / "manifest.json").write_text('{"name": "an app", "icons": []}')
    code, said = call("check", folder)
    assert "warning [manifest] manifest.json, schema" in said and "for Triton 24.10" in said
    (folder / "manifest.json").unlink()
    assert "[manifest]" not in call("check", folder)[1]
    assert code in (0, 1)
