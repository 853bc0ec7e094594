"""The list of contents follows CycloneDX's own schema, names everything, and is reproducible."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from typer.testing import CliRunner

from builders.cli import app
from builders.kit.manifest import Manifest, read_manifest
from builders.kit.sbom import SbomError, sbom
from builders.kit.sbom_image import packages

ROOT = Path(__file__).resolve().parents[3]
BUILT = ROOT / "model_repository"


@pytest.fixture(scope="module")
def built() -> Manifest:
    return read_manifest(BUILT)


@pytest.fixture(autouse=True)
def no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def components(text: str) -> dict[str, dict[str, Any]]:
    return {each["bom-ref"]: each for each in json.loads(text)["components"]}


def test_the_built_repository_is_listed_as_the_schema_asks(built: Manifest) -> None:
    text = sbom(built)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = components(text)
    assert listed["model/detect"]["type"] == "machine-learning-model"
    assert listed["model/ocr"]["type"] == "application"
    files = {
        file["name"]: file["hashes"][0]["content"]
        for ref, each in listed.items()
        if ref.startswith("model/")
        for file in each["components"]
    }
    assert files == {name: file.sha256 for name, file in built.files.items()}
    source = listed["source/ocr/detector"]
    assert source["purl"].startswith("pkg:pypi/rapidocr@3.10.0#")
    assert source["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert source["version"] == built.families["ocr"]["sources"]["detector"]["revision"]
    dependencies = {each["ref"]: each for each in json.loads(text)["dependencies"]}
    assert dependencies["model/detect"]["dependsOn"] == ["source/ocr/detector"]
    assert "model/ocr" in dependencies["repository"]["dependsOn"]
    assert "package/opencv-python-headless" in dependencies["image"]["dependsOn"]


def test_equal_repositories_have_equal_lists(
    built: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = dataclasses.replace(built, times={"built": "2030-01-01T00:00:00+00:00"})
    assert sbom(built) == sbom(built)
    assert sbom(built) != sbom(later)
    assert json.loads(sbom(later))["metadata"]["timestamp"] == "2030-01-01T00:00:00+00:00"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert sbom(built) == sbom(later)
    other = dataclasses.replace(built, digest="0" * 64)
    assert json.loads(sbom(built))["serialNumber"] != json.loads(sbom(other))["serialNumber"]


def test_every_kind_of_source_and_licence_is_valid(built: Manifest) -> None:
    families = copy.deepcopy(dict(built.families))
    sources = families["ocr"]["sources"]
    sources["detector"] |= {"uri": f"hub:org/name@{'a' * 40}", "revision": "a" * 40}
    sources["detector"]["licence"] = "Apache-2.0 OR MIT"
    sources["recogniser"] |= {"uri": "path:/srv/models/a b.onnx", "revision": None}
    sources["recogniser"]["licence"] = "unknown"
    sources["classifier"] |= {"uri": "demo:toy", "licence": "see LICENSE.txt"}
    text = sbom(dataclasses.replace(built, families=families))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = components(text)
    assert listed["source/ocr/detector"]["purl"] == f"pkg:huggingface/org/name@{'a' * 40}"
    assert listed["source/ocr/detector"]["licenses"][0]["expression"] == "Apache-2.0 OR MIT"
    assert not {"purl", "licenses"} & listed["source/ocr/recogniser"].keys()
    assert listed["source/ocr/classifier"]["licenses"][0]["license"]["name"] == "see LICENSE.txt"


def test_the_images_packages_are_those_for_its_python() -> None:
    old = {each.name: each.version for each in packages("24.10")}
    new = {each.name: each.version for each in packages("26.08")}
    assert old["pillow"] != new["pillow"]
    assert old.keys() == new.keys() >= {"opencv-python-headless", "pillow", "soxr"}
    licences = {each.name: each.licence for each in packages("26.08")}
    assert licences["opencv-python-headless"].startswith("Apache")
    assert licences["soxr"] == "LGPL-2.1-or-later"


@pytest.mark.parametrize("line", ["numpy", "numpy>=1,<2", "numpy==1,<2", "numpy =="])
def test_a_package_that_is_not_pinned_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="numpy"):
        packages("24.10", f"# stages: these\n{line}\n")


@pytest.mark.parametrize(
    "change",
    [
        {"models": {"detect": {}}},
        {"families": {"ocr": {"sources": {"detector": {"uri": 3}}}}},
        {"families": {"ocr": {}}},
        {"exports": {}},
        {"target": {"triton": "24.13"}},
        {"target": {}},
        {"times": {}},
        {"times": {"built": "yesterday"}},
    ],
)
def test_a_manifest_with_less_in_it_is_refused_in_a_sentence(
    built: Manifest, change: dict[str, Any]
) -> None:
    with pytest.raises(SbomError, match="does not say what a list"):
        sbom(dataclasses.replace(built, **change))


@pytest.mark.parametrize("epoch", ["", "soon", "9" * 30])
def test_a_wrong_epoch_is_refused(
    built: Manifest, monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(SbomError, match="SOURCE_DATE_EPOCH"):
        sbom(built)


def test_the_command_writes_the_list_outside_the_repository(
    built: Manifest, tmp_path: Path
) -> None:
    def call(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        assert "Traceback" not in result.output
        return result.exit_code, result.output

    out = tmp_path / "sbom.json"
    assert call("sbom", BUILT, "--out", out)[0] == 0
    assert out.read_text() == sbom(built)
    assert call("sbom", BUILT, "--out", "-") == (0, sbom(built))
    assert call("sbom", BUILT, "--out", BUILT / "sbom.json")[0] == 2
    assert call("sbom", "/nonexistent", "--out", out)[0] == 2
    assert call("sbom", BUILT, "--out", tmp_path / "none" / "sbom.json")[0] == 1
    assert call("sbom", tmp_path, "--out", "-")[0] == 1
