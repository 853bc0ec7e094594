"""What components give to pods, held against the pods that controllers make."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from builders.bundle.parts import Parts
from tests.kserve import render
from tests.kserve.cluster.controller import GRAPH, Cluster, Pod, selects
from tests.kserve.overlays import bundles

Object = dict[str, Any]

PARTS = Parts.at(render.KSERVE)
EVERY = (
    "overlays/gpu",
    *(f"base/services/{name}" for name in PARTS.services if name not in PARTS.services_of("gpu")),
    "base/runtimes/vllm",
)
"""Every service that there is, each once."""


def every(*components: str) -> list[Object]:
    """Their objects, all in the overlay's namespace."""
    objects = render.shipped(*EVERY, components=components)
    for each in objects:
        each["metadata"].setdefault("namespace", "multimodal")
    return objects


def pods(*components: str, replicas: int = 1) -> list[Pod]:
    """The pods of services: not the graph's router, the collector and the endpoint picker.

    Those have their configuration in KServe and in operators.
    """
    found = Cluster(every(*components), replicas).pods
    return [
        each
        for each in found
        if "InferenceService/" in each.owner and not each.owner.endswith("scheduler")
    ]


def test_every_service_is_looked_at() -> None:
    named = {each["metadata"]["name"] for folder in bundles.BASES for each in services(folder)}
    assert {each.owner.split()[0].partition("/")[2] for each in pods()} == named
    assert len(named) >= 9


def services(folder: str) -> list[Object]:
    kinds = ("InferenceService", "LLMInferenceService")
    return [each for each in render.shipped(folder) if each["kind"] in kinds]


def test_every_pod_has_the_pull_secret_and_the_priority() -> None:
    for each in pods("pull-secret", "priority"):
        assert each.spec["imagePullSecrets"] == [{"name": "registry"}], each.name
        assert each.spec["priorityClassName"] == "model-serving", each.name
    for each in pods():
        assert each.spec.keys().isdisjoint({"imagePullSecrets", "priorityClassName"}), each.name


def test_replicas_are_spread_softly_and_each_service_counts_its_own() -> None:
    """That constraints count one service's pods is a rule: "pods are spread by service"."""
    for each in pods("spread", replicas=2):
        if each.owner.endswith("worker"):
            continue
        constraints = each.spec["topologySpreadConstraints"]
        keys = [one["topologyKey"] for one in constraints]
        assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        assert {one["whenUnsatisfiable"] for one in constraints} == {"ScheduleAnyway"}
        assert "requiredDuring" not in str(each.spec["affinity"])


def test_a_rollout_counts_its_new_pods_alone() -> None:
    """Old ones that are about to go would push them to other nodes."""
    before, after = pods("spread"), pods("spread", "priority")
    for old, new in zip(before, after, strict=True):
        if old.owner.startswith("LLM"):
            continue
        for each in new.spec["topologySpreadConstraints"]:
            labels = {key: new.labels[key] for key in each["matchLabelKeys"]}
            assert selects({"matchLabels": labels}, new.labels)
            assert not selects({"matchLabels": labels}, old.labels), new.name


def test_with_claims_every_gpu_is_one() -> None:
    counted, claimed = pods(), pods("dra")
    templates = {
        each["metadata"]["name"]: each["spec"]["spec"]["devices"]["requests"][0]["exactly"]
        for each in every("dra")
        if each["kind"] == "ResourceClaimTemplate"
    }
    used = set()
    for before, after in zip(counted, claimed, strict=True):
        assert before.owner == after.owner
        (claim,) = after.spec["resourceClaims"]
        template = claim["resourceClaimTemplateName"]
        asked = before.spec["containers"][0]["resources"]
        assert asked["limits"]["nvidia.com/gpu"] == str(templates[template]["count"]), after.owner
        resources = after.spec["containers"][0]["resources"]
        assert resources["claims"] == [{"name": claim["name"]}]
        assert "nvidia.com" not in str(resources["limits"]) + str(resources["requests"])
        used.add(template)
    assert used == templates.keys(), "no template is without a pod"
    assert {each["deviceClassName"] for each in templates.values()} == {"gpu.nvidia.com"}


def test_every_service_and_graph_has_one_route_by_a_name_of_its_own() -> None:
    objects = every("routes")
    routes = [each for each in objects if each["kind"] == "HTTPRoute"]
    hosts = {
        each["metadata"]["name"].removesuffix("-route"): each["spec"]["hostnames"]
        for each in routes
    }
    wanted = ("InferenceService", "InferenceGraph")
    named = {each["metadata"]["name"] for each in objects if each["kind"] in wanted}
    assert hosts == {name: [f"{name}.models.example.com"] for name in named}
    assert len(routes) == len(named)
    cluster = Cluster(objects)
    for each in routes:
        (behind,) = {one["name"] for rule in each["spec"]["rules"] for one in rule["backendRefs"]}
        service = cluster.named("Service", behind, "multimodal") or {}
        ports = {one["port"] for rule in each["spec"]["rules"] for one in rule["backendRefs"]}
        open_ports = {one["port"]: one["name"] for one in service["spec"]["ports"]}
        assert {open_ports[one] for one in ports} == set(open_ports.values()) - {"metrics"}


def test_without_the_components_no_route_and_no_claim_is_there() -> None:
    kinds = {each["kind"] for each in every()}
    assert kinds.isdisjoint({"HTTPRoute", "ResourceClaimTemplate"})


PREDICTORS = {"multimodal-predictor", "ocr-predictor", "decoder-predictor"}
COVERED: dict[str, set[str]] = {
    "default-deny": {*PREDICTORS, "ocr-overflow", "traces-collector"},
    "dns": {*PREDICTORS, "ocr-overflow", "traces-collector"},
    "from-gateway": {*PREDICTORS, "ocr-overflow", "traces-collector"},
    "from-graph": PREDICTORS,
    "from-repository": {"decoder-predictor"},
    "from-prometheus": {*PREDICTORS, "ocr-overflow", "traces-collector"},
    "graph-to-services": {"ocr-overflow"},
    "to-decoder": PREDICTORS - {"decoder-predictor"},
    "to-object-store": PREDICTORS,
    "to-traces": PREDICTORS,
    "traces": {"traces-collector"},
}
"""Policy of the overlay gpu with a collector -> the workloads whose pods it is about."""


@cache
def fenced() -> Cluster:
    return Cluster(render.shipped("overlays/gpu", components=("network-policies", "tracing")))


@pytest.mark.parametrize("name", sorted(COVERED))
def test_a_policy_is_about_the_pods_that_are_meant(name: str) -> None:
    cluster = fenced()
    policy = cluster.named("NetworkPolicy", name, "multimodal")
    assert policy is not None
    found = cluster.selected(policy["spec"]["podSelector"], "multimodal")
    assert {each.workload for each in found} == COVERED[name]
    for direction in ("ingress", "egress"):
        for rule in policy["spec"].get(direction, ()):
            for peer in (*rule.get("from", ()), *rule.get("to", ())):
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    assert cluster.selected(peer["podSelector"], "multimodal"), name


def test_a_graphs_pods_are_known_by_their_label() -> None:
    (pod,) = (
        each
        for each in Cluster(render.shipped("overlays/gpu")).pods
        if each.owner.startswith("InferenceGraph/")
    )
    assert pod.labels[GRAPH] == "ocr-overflow"
