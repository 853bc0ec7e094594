"""The lock of CRDs: the files here are those it names, and fetching keeps to it."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kserve.schemas import crds

CONTENT = b"kind: CustomResourceDefinition\nspec: {group: a.io, names: {kind: Thing}}\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server of a.io/Thing, in place of the upstream host; its folder."""
    served = tmp_path / "served"
    file = served / "a" / "project" / "abc" / "crd" / "things.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=served)  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(crds, "HOST", f"http://127.0.0.1:{server.server_port}")
    yield file
    server.shutdown()
    server.server_close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.yaml"
    digest = hashlib.sha256(CONTENT).hexdigest()
    path.write_text(
        "projects: {project: {repository: a/project, version: v1, commit: abc, files: "
        f"[{{kind: a.io/Thing, path: crd/things.yaml, sha256: {digest}}}]}}}}",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("crd", crds.locked().values(), ids=lambda crd: crd.kind)
def test_each_file_is_the_one_that_the_lock_names(crd: crds.Crd) -> None:
    assert crds.definition(crd, crds.folder())["kind"] == "CustomResourceDefinition"


def test_what_is_missing_or_altered_is_fetched_once(host: Path, lock: Path, tmp_path: Path) -> None:
    place = tmp_path / "crds"
    assert list(crds.fetch(place, lock)) == ["project/things.yaml"]
    assert list(crds.fetch(place, lock)) == []
    (place / "project/things.yaml").write_bytes(b"altered")
    with pytest.raises(crds.CrdError, match="expected SHA-256"):
        crds.content(crds.locked(lock)["a.io/Thing"], place)
    assert list(crds.fetch(place, lock)) == ["project/things.yaml"]
    assert (place / "project/things.yaml").read_bytes() == CONTENT


def test_another_file_is_not_kept(host: Path, lock: Path, tmp_path: Path) -> None:
    host.write_bytes(b"another")
    with pytest.raises(crds.CrdError, match="not kept"):
        list(crds.fetch(tmp_path / "crds", lock))
    assert not (tmp_path / "crds").exists()


def test_without_network_one_sentence_says_so(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crds, "HOST", "http://127.0.0.1:9")
    assert crds.main(tmp_path / "crds", lock) == 1
    said = capsys.readouterr().err
    assert "needs network" in said and "CRD_DIR" in said and said.count("\n") == 1


def test_without_crds_one_sentence_names_both_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crds, "FETCHED", tmp_path / ".crds")
    monkeypatch.delenv("CRD_DIR", raising=False)
    with pytest.raises(crds.CrdError, match=r"CRD_DIR is not set.*\.crds.*make crds"):
        crds.folder()
    monkeypatch.setenv("CRD_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(crds.CrdError, match=r"CRD_DIR names .*nowhere"):
        crds.folder()


def test_a_kind_is_defined_once(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text.replace("projects: {", "projects: {other: " + text[19:-1] + ", "))
    crds.locked.cache_clear()
    with pytest.raises(crds.CrdError, match="two files"):
        crds.locked(lock)
