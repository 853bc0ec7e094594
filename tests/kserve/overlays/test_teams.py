"""Two teams' bundles in two namespaces of one cluster share no object."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.kserve import render
from tests.kserve.cluster.controller import Cluster
from tests.kserve.cluster.webhooks.rule import breaches
from tests.kserve.overlays import bundles
from tests.kserve.overlays.test_bundles import refused
from tests.kserve.schemas import crds
from tests.kserve.schemas.schemas import BUILT_IN, group_kind
from tests.kserve.test_pages import yaml_blocks

Object = dict[str, Any]

EXAMPLE = "# a team's overlay, in kserve/overlays/team-a/kustomization.yaml"
CLUSTER_WIDE = {"Namespace"}
"""Of the built-in kinds that are shipped; a CRD says its scope itself."""


def is_cluster_wide(manifest: Object) -> bool:
    """Whether an object has no namespace."""
    crd = crds.locked().get(group_kind(manifest))
    if crd is not None:
        return bool(crds.definition(crd, crds.folder())["spec"]["scope"] == "Cluster")
    assert manifest["apiVersion"] in BUILT_IN
    return manifest["kind"] in CLUSTER_WIDE


def of_team(namespace: str, stack: bundles.Stack) -> list[Object]:
    """A stack in a namespace of its own, as docs/deploy has it."""
    overlay, components = stack
    example = yaml.safe_load(yaml_blocks()[EXAMPLE])
    example["namespace"] = namespace
    example["transformers"] = [each.removeprefix("../../") for each in example["transformers"]]
    rest = {key: value for key, value in example.items() if key not in ("resources", "components")}
    return render.composed([overlay], components, **rest)


def identities(objects: list[Object]) -> set[tuple[str, str, str]]:
    """What the API server tells objects apart by."""
    return {(group_kind(each), namespace_of(each), each["metadata"]["name"]) for each in objects}


def namespace_of(manifest: Object) -> str:
    """Its namespace; kustomize writes one also where kubectl does not look at it."""
    return "" if is_cluster_wide(manifest) else str(manifest["metadata"]["namespace"])


@pytest.mark.parametrize("stack", bundles.stacks_by_width())
def test_two_teams_share_no_object(stack: bundles.Stack) -> None:
    one, other = (of_team(each, stack) for each in ("team-a", "team-b"))
    assert identities(one) & identities(other) == set()
    assert len(one) == len(other) == len(render.shipped(stack[0], components=stack[1]))
    assert json.dumps(other) == json.dumps(one).replace("team-a", "team-b")
    assert refused(one) == [], "nor is the other one then"
    for objects, namespace in ((one, "team-a"), (other, "team-b")):
        for each in objects:
            assert namespace in (namespace_of(each) or each["metadata"]["name"]), each["kind"]


def test_two_teams_may_cache_one_address() -> None:
    """Each service mounts the cache of its own namespace, in the folder of its address."""
    stack = ("overlays/gpu", ("object-store", "model-cache"))
    teams = ("team-a", "team-b")
    objects = [each for team in teams for each in of_team(team, stack)]
    assert breaches(objects) == {}
    found = {
        (pod.metadata["namespace"], each["persistentVolumeClaim"]["claimName"])
        for pod in Cluster(objects).pods
        for each in pod.spec.get("volumes", ())
        if each["name"] == "kserve-pvc-source" and pod.workload != "decoder-predictor"
    }
    assert found == {(team, f"model-repository-model-cache.{team}") for team in teams}


def test_kinds_of_the_whole_cluster_are_known() -> None:
    found = {
        each["kind"]
        for overlay, components in bundles.full()
        for each in render.shipped(overlay, components=components)
        if is_cluster_wide(each)
    }
    assert found == {
        "Namespace",
        "ClusterStorageContainer",
        "LocalModelNodeGroup",
    }
