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

from builders.cli.app import app
from repository import bom
from repository.bom import image
from repository.bom.image import SbomError
from repository.manifest import Manifest, read_manifest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "model_repository"
REQUIREMENTS = (ROOT / "runtime/requirements.txt").read_text()


def sbom(manifest: Manifest) -> str:
    return bom.sbom(manifest, REQUIREMENTS)


def packages(triton: str, requirements: str = REQUIREMENTS) -> tuple[image.Package, ...]:
    return image.packages(triton, requirements)


@pytest.fixture(scope="module")
def built() -> Manifest:
    return read_manifest(BUILT)


@pytest.fixture(autouse=True)
def no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def components(text: str) -> dict[str, dict[str, Any]]:
    return {each["bom-ref"]: each for each in json.loads(text)["components"]}


def hashes(component: dict[str, Any]) -> dict[str, str]:
    """File -> SHA-256 of a listed model or checkpoint."""
    found = {}
    for file in component["components"]:
        assert file["type"] == "file"
        ((algorithm, value),) = ((each["alg"], each["content"]) for each in file["hashes"])
        assert algorithm == "SHA-256"
        found[file["name"]] = value
    return found


def test_the_built_repository_is_listed_as_the_schema_asks(built: Manifest) -> None:
    text = sbom(built)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = components(text)
    kinds = {"onnx": "machine-learning-model", "plan": "machine-learning-model"}
    files: dict[str, str] = {}
    for name, model in built.models.items():
        component = listed.pop(f"model/{name}")
        assert component["type"] == kinds.get(model["kind"], "application")
        files |= hashes(component)
        used = {
            (built.exports[each]["family"], built.exports[each]["source"])
            for each in model["exports"]
        }
        licences = {built.families[family]["sources"][one]["licence"] for family, one in used}
        if licences == {"Apache-2.0"}:
            licence = {"id": "Apache-2.0", "acknowledgement": "concluded"}
            assert component["licenses"] == [{"license": licence}]
        if not licences:
            assert "licenses" not in component
    assert files == {name: file.sha256 for name, file in built.files.items()}
    for family, each in built.families.items():
        for name, source in each["sources"].items():
            component = listed.pop(f"source/{family}/{name}")
            assert hashes(component) == source["files"]
            assert component.get("version") == source["revision"]
            assert component.get("description", "") == source["about"]
            assert component["externalReferences"][0]["url"] == source["uri"]
            if source["licence"] == "unknown":
                assert "licenses" not in component
                continue
            (told,) = component["licenses"]
            licence = told.get("license") or {"id": told["expression"]}
            # Model cards write SPDX's identifiers in lower case, packages as it comes.
            said = [str(value).lower() for value in licence.values()]
            assert source["licence"].lower().removesuffix(" license") in said
    assert {each["type"] for each in listed.values()} == {"container", "library"}
    dependencies = {each["ref"]: each for each in json.loads(text)["dependencies"]}
    assert dependencies["model/detect"]["dependsOn"] == ["source/ocr/detector"]
    models = {f"model/{name}" for name in built.models}
    assert set(dependencies["repository"]["dependsOn"]) == {*models, "image"}
    assert listed.keys() - {"image"} == set(dependencies["image"]["dependsOn"])


def test_a_package_of_a_source_is_named_by_its_package_url(built: Manifest) -> None:
    source = components(sbom(built))["source/ocr/detector"]
    assert source["purl"].startswith("pkg:pypi/rapidocr@3.10.0#")


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_a_models_licence_is_that_of_its_sources_together(built: Manifest) -> None:
    families = copy.deepcopy(dict(built.families))
    sources = families["ocr"]["sources"]
    models = copy.deepcopy(dict(built.models))
    both = models["collect"]["exports"] = ["ocr/detector", "ocr/recogniser"]
    assert set(both) <= built.exports.keys()

    def licences(one: str, other: str) -> Any:
        sources["detector"]["licence"], sources["recogniser"]["licence"] = one, other
        text = sbom(dataclasses.replace(built, families=families, models=models))
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        return components(text)["model/collect"].get("licenses")

    (both_known,) = licences("MIT", "Apache-2.0 OR BSD-3-Clause")
    assert both_known["expression"] == "(Apache-2.0 OR BSD-3-Clause) AND MIT"
    assert both_known["acknowledgement"] == "concluded"
    # Cards and packages write one licence in several ways.
    assert licences("Apache 2.0", "apache-2.0")[0]["license"]["id"] == "Apache-2.0"
    assert licences("MIT License", "apache-2.0")[0]["expression"] == "Apache-2.0 AND MIT"
    assert licences("MIT", "unknown") is None
    assert licences("MIT", "see LICENSE.txt")[0]["license"]["name"] == "MIT AND (see LICENSE.txt)"


def test_the_images_packages_are_those_that_its_python_gets(built: Manifest) -> None:
    lines = (ROOT / "runtime/requirements.txt").read_text().partition("# stages:")[2].splitlines()
    pinned = [each.partition(";") for each in lines[1:] if "==" in each]
    for triton, other in (("24.10", '>= "3.11"'), ("26.08", '< "3.11"')):
        wanted = {pin.strip() for pin, _, marker in pinned if other not in marker}
        text = sbom(dataclasses.replace(built, target={**built.target, "triton": triton}))
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        listed = {ref: each for ref, each in components(text).items() if each["type"] == "library"}
        assert {f"{each['name']}=={each['version']}" for each in listed.values()} == wanted
        for each in listed.values():
            assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
            assert each["licenses"], each["name"]
        assert components(text)["image"]["version"] == f"{triton}-py3"


def test_a_licence_is_concluded_from_another_version(built: Manifest) -> None:
    old = {each.name: each for each in packages("24.10")}
    new = {each.name: each for each in packages("26.08")}
    assert old["pillow"].version != new["pillow"].version
    assert old["pillow"].licence == new["pillow"].licence == "MIT-CMU"
    assert (old["pillow"].declared, new["pillow"].declared) == (False, True)
    (licence,) = components(sbom(built))["package/opencv-python-headless"]["licenses"]
    assert licence["license"] == {"id": "Apache-2.0", "acknowledgement": "declared"}


@pytest.mark.parametrize("line", ["numpy", "numpy>=1,<2", "numpy==1,<2", "numpy =="])
def test_a_package_that_is_not_pinned_is_refused(line: str) -> None:
    with pytest.raises(SbomError, match="numpy"):
        packages("24.10", f"# stages: these\n{line}\n")


@pytest.mark.parametrize(
    "change",
    [
        {"models": {"detect": {}}},
        {"families": {"ocr": {"sources": {"detector": {"uri": 3}}}}},
        {"families": {"ocr": {}}},
        {"exports": {}},
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


def test_a_release_that_nobody_knows_is_told_with_its_place(built: Manifest) -> None:
    with pytest.raises(
        SbomError, match=r"manifest\.json, target, triton: .* found '24\.13'\. Build"
    ):
        sbom(dataclasses.replace(built, target={"triton": "24.13"}))


@pytest.mark.parametrize("field", ["exports", "families"])
def test_what_a_manifest_names_and_does_not_have_is_told(built: Manifest, field: str) -> None:
    with pytest.raises(SbomError, match=r"\(it names '\S+', and has none\)\. Build"):
        nothing: dict[str, Any] = {field: {}}
        sbom(dataclasses.replace(built, **nothing))


@pytest.mark.parametrize("epoch", ["", "soon", "9" * 30])
def test_a_wrong_epoch_is_refused(
    built: Manifest, monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(SbomError, match="SOURCE_DATE_EPOCH"):
        sbom(built)


@pytest.mark.thorough
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
