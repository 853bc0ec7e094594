"""Another repository by its address, and the way back: what changes, and what restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from builders.bundle.parts import FOLDER, Parts
from builders.bundle.render import rendered
from builders.bundle.values import load_values
from tests.kserve import render
from tests.kserve.cluster.controller import Cluster, template_hash
from tests.kserve.edits import edited
from tests.kserve.overlays import bundles
from tests.kserve.overlays.test_bundles import refused
from tests.kserve.test_pages import table, yaml_blocks

Object = dict[str, Any]

EXAMPLE = "# another build, in kserve/overlays/mine/kustomization.yaml"
STACKS: list[bundles.Stack] = [
    *((overlay, ()) for overlay in bundles.OVERLAYS),
    ("overlays/local-cpu", ("verify",)),
    ("overlays/gpu", ("object-store",)),
    ("overlays/gpu", ("object-store", "verify", "monitoring", "keda")),
    ("overlays/gpu", ("canary",)),
]


def slow(stack: bundles.Stack) -> Any:
    return pytest.param(stack, marks=pytest.mark.slow)


def workloads(objects: list[Object]) -> dict[str, str]:
    """Each Deployment that controllers make -> the hash of its pods' template."""
    found = Cluster(objects).made
    return {
        each["metadata"]["name"]: template_hash(each["spec"]["template"])
        for each in found
        if each["kind"] == "Deployment"
    }


def restarted(before: list[Object], after: list[Object]) -> set[str]:
    """The workloads whose pods are replaced: those that were there, with another template."""
    old, new = workloads(before), workloads(after)
    return {name for name in old.keys() & new.keys() if old[name] != new[name]}


def addresses(objects: list[Object]) -> dict[str, str]:
    return {
        each["metadata"]["name"]: each["spec"]["predictor"]["model"]["storageUri"]
        for each in objects
        if each["kind"] == "InferenceService"
    }


def with_patch(stack: bundles.Stack, address: str) -> list[Object]:
    """A stack with the page's patch, whose address is another one."""
    overlay, components = stack
    patches = yaml.safe_load(yaml_blocks()[EXAMPLE])["patches"]
    (given,) = yaml.safe_load(patches[0]["patch"])
    patches[0]["patch"] = yaml.safe_dump([{**given, "value": address}])
    return render.composed([overlay], components, patches=patches)


def names(stack: bundles.Stack) -> str:
    return "-".join((stack[0][9:], *stack[1]))


def test_a_values_file_says_the_same_by_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("{overlay: gpu, repository: {folder: models-2}}", encoding="utf-8")
    parts = Parts.at(FOLDER)
    values = rendered(load_values(path, parts), parts)
    by_hand = with_patch(("overlays/gpu", ()), "pvc://model-repository/models-2")
    assert [each for each in yaml.safe_load_all(values) if each] == by_hand


@pytest.mark.parametrize("stack", STACKS, ids=names)
def test_another_address_restarts_the_services_that_read_it_and_no_other(
    stack: bundles.Stack,
) -> None:
    before = render.shipped(stack[0], components=stack[1])
    first = addresses(before)["multimodal"]
    second = f"{first}-2"
    after = with_patch(stack, second)
    assert refused(after) == []
    moved = {name for name, address in addresses(before).items() if address == first}
    for old, new in zip(before, after, strict=True):
        if old["kind"] == "InferenceService" and old["metadata"]["name"] in moved:
            assert new == edited(old, {"spec predictor model storageUri": second})
        else:
            assert new == old, "nothing else changes"
    suffix = "-predictor-00001-deployment" if stack[0] in bundles.KNATIVE else "-predictor"
    assert restarted(before, after) == {f"{name}{suffix}" for name in moved}
    assert len(workloads(before)) > len(moved) or len(addresses(before)) == 1


@pytest.mark.parametrize(
    "stack",
    # The way back is the same patch with the first address: once in either mode by default.
    [
        each if at in (0, bundles.OVERLAYS.index("overlays/knative")) else slow(each)
        for at, each in enumerate(STACKS)
    ],
    ids=names,
)
def test_the_first_address_again_is_what_there_was(stack: bundles.Stack) -> None:
    before = render.shipped(stack[0], components=stack[1])
    back = with_patch(stack, addresses(before)["multimodal"])
    assert back == before
    assert workloads(back) == workloads(before), "so the old ReplicaSet is taken up again"


def test_the_example_names_an_address_that_the_shipped_one_is_not() -> None:
    (patch,) = yaml.safe_load(yaml_blocks()[EXAMPLE])["patches"]
    (given,) = yaml.safe_load(patch["patch"])
    first = addresses(render.shipped("overlays/gpu"))["multimodal"]
    assert given["value"] != first
    assert given["value"].rpartition("/")[0] == first.rpartition("/")[0], "a folder beside it"


def change(objects: list[Object], kind: str, name: str, edits: Object) -> list[Object]:
    found = [
        edited(each, edits) if (each["kind"], each["metadata"]["name"]) == (kind, name) else each
        for each in objects
    ]
    assert found != objects
    return found


EDITS: dict[str, tuple[str, str, Object]] = {
    "`storageUri` of a service": (
        "InferenceService",
        "ocr",
        {"spec predictor model storageUri": "pvc://model-repository/models-2"},
    ),
    "image, arguments or resources of a runtime": (
        "ServingRuntime",
        "triton-multimodal",
        {"spec containers 0 image": "triton-multimodal-kit:26.12"},
    ),
    "a label or an annotation of a service": (
        "InferenceService",
        "ocr",
        {"metadata annotations mine": "a"},
    ),
    "`minReplicas` or `timeout` of a service": (
        "InferenceService",
        "ocr",
        {"spec predictor minReplicas": 2, "spec predictor timeout": 300},
    ),
    "nodes of a graph": (
        "InferenceGraph",
        "ocr-overflow",
        {"spec routerTimeouts serviceClient": 300},
    ),
}
SAID = {
    "its pods": {"ocr-predictor"},
    "the pods of each service that names it": {"multimodal-predictor", "ocr-predictor"},
    "nothing": set(),
    "the router": {"ocr-overflow"},
}


def test_the_table_says_what_restarts() -> None:
    """Each row is a change that is made, and components are switched on one by one."""
    rows = {name: cells[0] for name, cells in table("change", "what restarts").items()}
    before = render.shipped("overlays/gpu")
    for name, (kind, of, edits) in EDITS.items():
        text = rows.pop(name.strip("`"))
        assert restarted(before, change(before, kind, of, edits)) == SAID[text], name
    quiet, loud = rows.pop("components, on or off"), rows.pop("other components")
    assert rows == {}
    assert loud == "the pods of each service that one is for"
    found = {
        each: restarted(before, render.shipped("overlays/gpu", components=(each,)))
        for each in bundles.COMPONENTS
        if "overlays/gpu" in bundles.hosts(each)
    }
    silent = {each for each, names in found.items() if not names}
    assert quiet == "nothing: " + ", ".join(f"`{each}`" for each in sorted(silent))
