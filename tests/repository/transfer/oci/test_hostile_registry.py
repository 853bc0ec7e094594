"""A registry that lies is told in a sentence, fills no disk, and touches nothing that is here."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository.manifest import verify
from repository.transfer import answer
from repository.transfer.errors import TransferError
from repository.transfer.run import Options, run_pull
from tests.repository.transfer.oci.hostile_registry import (
    Hostile,
    HostileServer,
    Image,
    Reply,
    corpus,
    from_seed,
    serving,
)
from tests.repository.transfer.repositories import write_repository

FILES = {
    "a/config.pbtxt": b'name: "a"\n',
    "a/1/model.onnx": bytes(range(256)) * 40,
    "b/config.pbtxt": b'name: "b"\n',
    "b/1/model.onnx": b"weights",
}
BUFFERS = 16 << 20
"""Bytes that may be under way when a connection is closed."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_repository(tmp_path_factory.mktemp("source") / "models", FILES)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_CONFIG", str(tmp_path_factory.mktemp("docker")))
        yield server


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rest(found: dict[str, bytes]) -> dict[str, bytes]:
    """What is not of a pull that is under way."""
    return {name: body for name, body in found.items() if not name.startswith(".pull/")}


def pull(registry: HostileServer, case: Hostile, folder: Path) -> None:
    """Pull it, and hold the outcome to what may be."""
    registry.case, registry.sent = case, 0
    before = files(folder) if folder.exists() else None
    try:
        run_pull(f"oci:{registry.host}/team/ocr:1", folder, Options(quiet=True))
    except TransferError as error:
        text = str(error)
        for line in text.splitlines():
            assert line.isprintable(), (case.name, line)
            assert len(line) < 900 and line.endswith("."), (case.name, line)
        assert "Traceback" not in text and "Errno" not in text
        left = files(folder) if folder.exists() else None
        parts = {name: body for name, body in (left or {}).items() if name.startswith(".pull/")}
        assert sum(map(len, parts.values())) <= case.declared + (1 << 20), case.name
        if before is not None:
            assert rest(left or {}) == rest(before), case.name
        else:
            assert set(left or ()) == set(parts), case.name
    else:
        assert verify(folder) == [], case.name
        assert all((folder / name).read_bytes() == body for name, body in FILES.items())
    assert registry.sent <= 6 * case.declared + BUFFERS, case.name


@pytest.mark.thorough
def test_every_lie_that_is_known_is_one_sentence(
    registry: HostileServer, source: Path, tmp_path: Path
) -> None:
    seen = set()
    for number, case in enumerate(corpus(source)):
        seen.add(case.name)
        pull(registry, case, tmp_path / str(number))
    assert len(seen) == number + 1 >= 300


@pytest.mark.thorough
def test_what_was_here_before_a_lie_stays(
    registry: HostileServer, source: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    other = write_repository(tmp_path / "other", {"c/config.pbtxt": b"c", "c/1/model.py": b"1"})
    run_pull(f"pvc:{other}", there, Options(quiet=True))
    for case in corpus(source):
        if case.name.startswith(("layer", "a tar", "manifest.json")):
            pull(registry, case, there)
            if (there / "a").exists():
                run_pull(f"pvc:{other}", there, Options(quiet=True))
    registry.case = Image.of(source).hostile("none")
    run_pull(f"oci:{registry.host}/team/ocr:1", there, Options(quiet=True))
    assert verify(there) == [] and (there / "a/1/model.onnx").exists()


class Closing(dict[str, Reply]):
    """Replies that come only after some connections were closed without one."""

    left = 0

    def items(self) -> Any:
        self.left -= 1
        return {end: Reply(raw=b"") for end in self}.items() if self.left >= 0 else super().items()


def test_a_connection_that_is_closed_before_its_answer_is_made_anew(
    registry: HostileServer, source: Path, tmp_path: Path
) -> None:
    good = Image.of(source).hostile("none")
    replies = Closing(good.replies)
    registry.case, replies.left = replace(good, replies=replies), 3
    run_pull(f"oci:{registry.host}/team/ocr:1", tmp_path / "there", Options(quiet=True))
    assert verify(tmp_path / "there") == []
    replies.left = 99
    with pytest.raises(TransferError, match="found: a connection that broke off") as caught:
        run_pull(f"oci:{registry.host}/team/ocr:1", tmp_path / "other", Options(quiet=True))
    assert "Aborted" not in str(caught.value)


def test_the_corpus_is_always_the_same(source: Path) -> None:
    def told() -> list[tuple[str, int]]:
        cases = (case for case in corpus(source) if "bomb" not in case.name)
        return [(case.name, hash(tuple(sorted(case.replies)))) for case in cases]

    assert told() == told()
    assert from_seed(source, 5) == from_seed(source, 5)


@settings(deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 32))
def test_whatever_a_layer_or_manifest_holds_is_a_repository_or_a_sentence(
    registry: HostileServer, source: Path, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pull(registry, from_seed(source, seed), Path(folder, "there"))


@pytest.mark.slow
def test_thousands_of_other_layers_and_manifests(registry: HostileServer, source: Path) -> None:
    for seed in range(1 << 33, (1 << 33) + 5000):
        with tempfile.TemporaryDirectory() as folder:
            pull(registry, from_seed(source, seed), Path(folder, "there"))


def test_a_body_that_hardly_comes_is_given_up(
    registry: HostileServer, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then, which no timeout of a socket notices."""
    monkeypatch.setattr(answer, "WINDOW", 0.3)
    monkeypatch.setattr(answer, "PROGRESS", 1 << 40)
    endless = Reply(b" ", endless=True, length=-1)
    registry.case = Image.of(source).hostile("slow", manifest=endless)
    began = time.monotonic()
    with pytest.raises(TransferError, match=r"bytes in \d+ seconds"):
        run_pull(f"oci:{registry.host}/team/ocr:1", tmp_path / "there", Options(quiet=True))
    assert time.monotonic() - began < 120
    assert not (tmp_path / "there").exists()
