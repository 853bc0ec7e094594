"""The checkpoint that the rival reads is the one that the repository was built from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from perf.against.transformers.checkpoint import checkpoint_of
from perf.errors import PerfError

COMMIT = "4f" * 20
WEIGHTS = b"weights"


def built_from(folder: Path, uri: str) -> Path:
    """A repository whose manifest records a checkpoint of one file."""
    folder.mkdir()
    files = {"model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
    sources = {"parakeet": {"uri": uri, "files": files}}
    manifest = {"families": {"asr": {"pipelines": ["asr"], "sources": sources}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def checkpoint(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


def test_the_shipped_checkpoint_is_found(asr_repository: Path) -> None:
    found = checkpoint_of(asr_repository, "asr", "parakeet")
    assert found.parts[-3:] == ("asr", "demo", "parakeet") and (found / "config.json").is_file()


def test_a_folder_is_found_where_it_was(tmp_path: Path) -> None:
    there = checkpoint(tmp_path / "mine")
    repository = built_from(tmp_path / "repository", f"path:{there}")
    assert checkpoint_of(repository, "asr", "parakeet") == there


def test_a_snapshot_of_the_hub_is_found_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = built_from(tmp_path / "repository", f"hub:org/name@{COMMIT}")
    with pytest.raises(PerfError, match=f"hf download org/name --revision {COMMIT}"):
        checkpoint_of(repository, "asr", "parakeet")
    there = checkpoint(tmp_path / "models--org--name" / "snapshots" / COMMIT)
    assert checkpoint_of(repository, "asr", "parakeet") == there


@pytest.mark.parametrize("uri", ["demo:none", "demo:asr/none", "path:/none", "package:none/none"])
def test_a_checkpoint_that_is_gone_is_one_sentence(tmp_path: Path, uri: str) -> None:
    repository = built_from(tmp_path / "repository", uri)
    with pytest.raises(PerfError, match=f"^{uri}: expected the checkpoint .* found none"):
        checkpoint_of(repository, "asr", "parakeet")


def test_a_checkpoint_that_has_changed_is_refused(tmp_path: Path) -> None:
    there = checkpoint(tmp_path / "mine")
    repository = built_from(tmp_path / "repository", f"path:{there}")
    (there / "model.safetensors").write_bytes(b"others")
    with pytest.raises(PerfError, match="Build the repository again"):
        checkpoint_of(repository, "asr", "parakeet")
    (there / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"model\.safetensors"):
        checkpoint_of(repository, "asr", "parakeet")
