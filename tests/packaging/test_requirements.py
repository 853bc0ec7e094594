"""What the project asks of its environment: ranges in pyproject.toml, pins in constraints.txt."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from repository.manifest import VERSION
from repository.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OWN = "triton-multimodal-kit"


def declared() -> Iterator[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    for text in (*PROJECT["dependencies"], *(each for extra in extras for each in extra)):
        wanted = Requirement(text)
        if canonicalize_name(wanted.name) != OWN:
            yield wanted


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    listed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found: dict[str, str] = {}
    for each in listed:
        (pin,) = each.specifier
        assert pin.operator == "==", f"{each}: expected a pin"
        found[canonicalize_name(each.name)] = pin.version
    return found


@pytest.mark.parametrize("wanted", [*declared()], ids=str)
def test_a_range_goes_from_what_is_tested_to_the_next_major_version(wanted: Requirement) -> None:
    bounds = {each.operator: Version(each.version) for each in wanted.specifier}
    assert set(bounds) == {">=", "<"}, f"{wanted}: expected a lower and an upper bound"
    pin = Version(pins()[canonicalize_name(wanted.name)])
    assert bounds[">="] == pin
    assert bounds["<"] == Version(str(pin.major + 1))


def test_every_extra_that_an_error_names_is_there() -> None:
    assert PROJECT["optional-dependencies"].keys() >= {
        *("torch", "tensorrt", "signing", "sbom", "s3", "pdf", "figures", "gateway", "training"),
        *("dev", "docs"),
    }


def test_the_changelog_tells_of_this_version_first() -> None:
    headings = re.findall(
        r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[:2] == ["Unreleased", VERSION]


def test_a_commit_is_checked_by_tools_of_the_environment() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert [each["repo"] for each in hooks] == ["local"]
    programs = [each["entry"].split()[0] for each in hooks[0]["hooks"]]
    assert {Path(each).name for each in programs} == {"ruff", "lint-imports", "mypy"}
    assert all((ROOT / each).exists() for each in programs)
