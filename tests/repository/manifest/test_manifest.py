"""A manifest is read back as it was written, and a repository that differs from it is found out."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repository import manifest as manifests
from repository.manifest import ManifestError, read_manifest, verify
from repository.manifest.schema import digest_of

ROOT = Path(__file__).resolve().parents[3]


def document(files: dict[str, bytes]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "schema": 1,
        "kit": {"name": manifests.KIT, "version": manifests.VERSION},
        "target": {"triton": "24.10", "device": "cpu", "precision": "fp32"},
        "profile": {"triton": "24.10"},
        "families": {},
        "exports": {},
        "models": {"detect": {"kind": "OnnxModel", "backend": "onnxruntime"}},
        "metrics": [],
        "tools": {"python": "3.11"},
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
        "times": {"built": "2026-01-01T00:00:00Z", "seconds": 1.5, "steps": {}},
    }
    made["digest"] = digest_of(made)
    return made


def write(folder: Path, value: Any) -> None:
    (folder / "manifest.json").write_text(json.dumps(value))


def resign(value: dict[str, Any]) -> dict[str, Any]:
    value["digest"] = digest_of(value)
    return value


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files = {"detect/config.pbtxt": b'name: "detect"\n', "detect/1/model.onnx": b"\x08\x0a" * 50}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    write(tmp_path, document(files))
    return tmp_path


def rules(folder: Path) -> list[tuple[str, str]]:
    return [(finding.rule, finding.where) for finding in verify(folder)]


def test_a_manifest_is_read_back(repository: Path) -> None:
    manifest = read_manifest(repository)
    assert manifest.files["detect/1/model.onnx"].bytes == 100
    assert manifest.target["triton"] == "24.10"
    assert manifest.times["seconds"] == 1.5


def test_an_untouched_repository_verifies_with_its_readme(repository: Path) -> None:
    (repository / "README.md").write_text("what this folder is")
    assert verify(repository) == []


def test_every_difference_is_found_at_once(repository: Path) -> None:
    (repository / "detect/config.pbtxt").write_text('name: "detecT"\n')
    (repository / "detect/1/model.onnx").unlink()
    (repository / "detect/2").mkdir()
    (repository / "stranger").mkdir()
    (repository / "stranger/1").write_text("")
    (repository / "link").symlink_to("/etc/passwd")
    os.mkfifo(repository / "detect/1/pipe")
    assert sorted(rules(repository)) == sorted(
        [
            ("changed-file", "detect/config.pbtxt"),
            ("missing-file", "detect/1/model.onnx"),
            ("added-folder", "detect/2"),
            ("added-file", "stranger/1"),
            ("not-a-file", "link"),
            ("not-a-file", "detect/1/pipe"),
        ]
    )


def test_a_changed_size_and_a_changed_byte_are_both_found(repository: Path) -> None:
    path = repository / "detect/1/model.onnx"
    path.write_bytes(path.read_bytes() + b"x")
    assert rules(repository) == [("changed-file", "detect/1/model.onnx")]
    path.write_bytes(b"\x08\x0b" + b"\x08\x0a" * 49)
    assert rules(repository) == [("changed-file", "detect/1/model.onnx")]


def test_a_file_replaced_by_a_link_to_the_same_content_is_found(repository: Path) -> None:
    path = repository / "detect/1/model.onnx"
    path.rename(repository / "aside")
    path.symlink_to(repository / "aside")
    assert ("not-a-file", "detect/1/model.onnx") in rules(repository)


def test_bytecode_left_by_a_server_names_its_own_remedy(repository: Path) -> None:
    (repository / "detect/1/__pycache__").mkdir()
    for name in ("model", "flow"):
        (repository / f"detect/1/__pycache__/{name}.cpython-312.pyc").write_bytes(b"")
    (finding,) = verify(repository)
    assert finding.where == "detect/1/__pycache__"
    assert "read-only" in finding.remedy


def test_a_folder_that_a_push_left_half_way_says_so_once(repository: Path) -> None:
    (repository / ".pull").mkdir()
    for name in ("manifest.json", "0123"):
        (repository / ".pull" / name).write_bytes(b"x")
    (repository / "detect/1/model.onnx").unlink()
    assert rules(repository) == [("cut-off", ".pull")]
    (repository / "manifest.json").unlink()
    (finding,) = verify(repository)
    assert finding.where == ".pull" and "Push it again" in finding.remedy


@pytest.mark.parametrize(
    "leave",
    [Path.mkdir, lambda pull: pull.symlink_to("crop"), lambda pull: pull.write_bytes(b"")],
    ids=["an empty folder", "a link", "a file"],
)
def test_whatever_a_push_left_is_never_a_whole_repository(
    repository: Path, leave: Callable[[Path], Any]
) -> None:
    leave(repository / ".pull")
    assert rules(repository) == [("cut-off", ".pull")]


def test_a_link_alone_where_a_push_was_under_way_is_found(repository: Path) -> None:
    (repository / ".pull").mkdir()
    (repository / ".pull/new").symlink_to("/etc")
    assert rules(repository) == [("cut-off", ".pull")]


def test_an_edited_manifest_is_found(repository: Path) -> None:
    value = json.loads((repository / "manifest.json").read_text())
    value["models"]["detect"]["backend"] = "python"
    write(repository, value)
    (finding,) = verify(repository)
    assert "digest" in finding.where


def test_times_are_not_part_of_the_digest(repository: Path) -> None:
    value = json.loads((repository / "manifest.json").read_text())
    value["times"]["seconds"] = 99
    write(repository, value)
    assert verify(repository) == []


def test_a_folder_without_a_manifest_says_what_to_give(tmp_path: Path) -> None:
    (finding,) = verify(tmp_path)
    assert finding.found == "none"
    (finding,) = verify(tmp_path / "nowhere")
    assert finding.found == "none"
    with pytest.raises(ManifestError):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"schema": 1, "schema": 1}',
        b'{"schema": NaN}',
        b'{"schema": true}',
        b'{"schema": 2}',
        b'{"schema": 1}',
        b'{"schema": ' + b"9" * 10_000 + b"}",
        b'{"schema": 1, "files": [], "models": 3, "digest": null}',
        b'{"a":' * 50_000,
    ],
    ids=lambda content: repr(content[:24]),
)
def test_what_is_no_manifest_is_a_finding(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    assert verify(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        "./a",
        "",
        ".",
        "a\\b",
        "a\0b",
        "a/",
    ],
)
def test_a_path_that_leaves_the_repository_is_refused(repository: Path, name: str) -> None:
    value = json.loads((repository / "manifest.json").read_text())
    value["files"][name] = {"sha256": "0" * 64, "bytes": 0}
    write(repository, resign(value))
    (finding,) = verify(repository)
    assert finding.expected == "a path in the repository"
    str(finding).encode()


def test_a_name_that_is_no_text_is_refused(repository: Path) -> None:
    value = json.loads((repository / "manifest.json").read_text())
    value["files"]["\ud800"] = {"sha256": "0" * 64, "bytes": 0}
    write(repository, resign(value))
    (finding,) = verify(repository)
    assert finding.found == "a half of a surrogate pair"


def test_a_manifest_of_more_values_than_memory_holds_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"[" + b"[]," * 10_000_000 + b"0]")
    (finding,) = verify(tmp_path)
    assert finding.expected == "at most 4,000,000 values"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"sha256": "0" * 64},
        {"sha256": "0" * 63, "bytes": 0},
        {"sha256": "G" * 64, "bytes": 0},
        {"sha256": "0" * 64, "bytes": -1},
        {"sha256": "0" * 64, "bytes": True},
        {"sha256": "0" * 64, "bytes": 1.0},
        {"sha256": "0" * 64, "bytes": 0, "mode": 1},
    ],
)
def test_a_file_entry_of_another_form_is_refused(repository: Path, entry: object) -> None:
    value = json.loads((repository / "manifest.json").read_text())
    value["files"]["x"] = entry
    write(repository, resign(value))
    (finding,) = verify(repository)
    assert finding.expected == "a SHA-256 and a size"


def test_a_manifest_that_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    assert verify(tmp_path)[0].expected == "a regular file"
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "manifest.json").symlink_to("/etc/hostname")
    assert verify(tmp_path)[0].rule == "manifest"


def test_a_huge_manifest_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "manifest.json").open("wb") as file:
        file.truncate(manifests.MAXIMUM_BYTES + 1)
    assert "at most" in verify(tmp_path)[0].expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.thorough
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_document_makes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    value = document({"a/config.pbtxt": b""})
    place = data.draw(st.sampled_from(sorted(value)))
    drawn = data.draw(json_values)
    signed = place not in ("digest", "times") and data.draw(st.booleans())
    same = value[place] == drawn
    value[place] = drawn
    write(folder, resign(value) if signed else value)
    findings = verify(folder)
    for finding in findings:
        str(finding).encode()
    assert findings or signed or same or place == "times"


def test_reading_a_manifest_imports_nothing_heavy(repository: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from repository.manifest import verify; "
        f"assert verify(Path({str(repository)!r})) == []; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & set(sys.argv[1].split(','))))"
    )
    heavy = "numpy,onnx,onnxruntime,torch,cv2,transformers,pydantic,yaml,rich,google,tritonclient"
    result = subprocess.run(
        [sys.executable, "-c", code, heavy], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_version_is_that_of_the_project() -> None:
    import tomllib

    read = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert read["project"]["name"] == manifests.KIT
    assert read["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "repository.manifest.VERSION"
    }


@pytest.fixture
def unreadable(repository: Path) -> Callable[[], None]:
    return lambda: (repository / "detect/1/model.onnx").chmod(0)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_a_finding(repository: Path, unreadable: Callable[[], None]) -> None:
    unreadable()
    assert rules(repository) == [("unreadable", "detect/1/model.onnx")]


def test_a_manifest_of_too_many_values_is_not_read(repository: Path) -> None:
    """Each would take many times its bytes in memory."""
    (repository / "manifest.json").write_bytes(b'{"files": [' + b"[]," * 4_000_000 + b"0]}")
    (finding,) = verify(repository)
    assert (finding.rule, finding.expected) == ("manifest", "at most 4,000,000 values")


def test_a_half_of_a_surrogate_pair_is_no_json(repository: Path) -> None:
    value = json.loads((repository / "manifest.json").read_text())
    value["files"]["\ud800"] = {"sha256": "0" * 64, "bytes": 0}
    write(repository, resign(value))
    (finding,) = verify(repository)
    assert finding.found == "a half of a surrogate pair"
