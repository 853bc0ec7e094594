"""What families declare of their pipelines is found, and needs nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from repository.usage import Usage
from repository.usage.found import UsageError, usages

LIGHT = """
import sys
from repository.usage.found import usages

usages()
heavy = {"builders.kit", "numpy", "onnxruntime", "torch", "tritonclient.grpc"}
print(*sorted(heavy & sys.modules.keys()))
"""


def test_what_is_declared_needs_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kit of families, in the place of the real one."""
    kit = tmp_path / f"kit_of_{tmp_path.name}"  # for each test another, as modules stay imported
    monkeypatch.setattr("repository.usage.found.PACKAGE", kit.name)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("one", "two"):
        (kit / name).mkdir(parents=True)
    return kit


def write(folder: Path, text: str) -> None:
    (folder / "usage.py").write_text(f"from repository.usage import Usage\n{text}")


def test_a_family_that_a_profile_configures_looks_into_the_repository(package: Path) -> None:
    write(
        package / "one",
        "def usage_in(repository):\n    return {repository.name: Usage(words='configured')}\n",
    )
    assert usages().of("scorer") is None
    assert usages(Path("scorer")).of("scorer") == Usage(words="configured")


def test_two_families_that_declare_one_pipeline_are_refused(package: Path) -> None:
    for name in ("one", "two"):
        write(package / name, "USAGE = {'p': Usage(words='')}\n")
    with pytest.raises(UsageError, match=r"'p'.*found the folder .*one and the folder .*two"):
        usages()


def test_a_module_that_cannot_be_imported_is_named_with_what_it_raised(package: Path) -> None:
    write(package / "two", "raise RuntimeError('no such luck')\n")
    with pytest.raises(UsageError, match=r"two/usage\.py.*RuntimeError: no such luck"):
        usages()
