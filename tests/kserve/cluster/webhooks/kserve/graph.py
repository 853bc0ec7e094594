"""What the InferenceGraph webhook refuses, and what the router cannot carry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.kserve.cluster.webhooks.bundle import Bundle, Object
from tests.kserve.cluster.webhooks.rule import KSERVE, rule

KIND = "InferenceGraph"
GRAPH = f"{KSERVE} pkg/apis/serving/v1alpha1/inference_graph_validation.go"
ROUTER = f"{KSERVE} cmd/router/main.go"
TARGETS = ("nodeName", "serviceName", "serviceUrl")
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def steps(graph: Object) -> Iterator[tuple[str, Object]]:
    """Every step, with the name of its node."""
    for node, each in graph["spec"]["nodes"].items():
        for step in each.get("steps", ()):
            yield node, step


@rule("graph: name and root", KIND, source=f"{GRAPH} validateInferenceGraphRouterRoot")
def root(graph: Object, _: Bundle) -> Iterator[str]:
    """A name as a service's, and a node ``root``."""
    if not _NAME.fullmatch(graph["metadata"]["name"]):
        yield f"name: expected {_NAME.pattern}"
    if "root" not in graph["spec"]["nodes"]:
        yield "spec.nodes: expected a node root, found none"


@rule("graph: one target a step", KIND, source=f"{GRAPH} validateInferenceGraphSingleStepTargets")
def target(graph: Object, _: Bundle) -> Iterator[str]:
    """Exactly one of nodeName, serviceName and serviceUrl."""
    for node, step in steps(graph):
        if len(found := [key for key in TARGETS if step.get(key)]) != 1:
            yield f"spec.nodes.{node}: expected one target a step, found {', '.join(found) or 0}"


@rule("graph: step names", KIND, source=f"{GRAPH} validateInferenceGraphStepNameUniqueness")
def names(graph: Object, _: Bundle) -> Iterator[str]:
    """The named steps of a node differ."""
    for node in graph["spec"]["nodes"]:
        found = [step["name"] for at, step in steps(graph) if at == node and step.get("name")]
        if len(found) != len(set(found)):
            yield f"spec.nodes.{node}: expected names that differ, found {', '.join(found)}"


@rule("graph: weights", KIND, source=f"{GRAPH} validateInferenceGraphSplitterWeight")
def weights(graph: Object, _: Bundle) -> Iterator[str]:
    """A splitter's weights are there, and sum to 100."""
    for node, each in graph["spec"]["nodes"].items():
        if each["routerType"] == "Splitter":
            found = [step.get("weight") for step in each.get("steps", ())]
            if None in found or sum(found) != 100:
                yield f"spec.nodes.{node}: expected weights that sum to 100, found {found}"


@rule("graph: nodes exist", KIND, source=f"{ROUTER} routeStep: a missing node panics")
def nodes(graph: Object, _: Bundle) -> Iterator[str]:
    """A step's node is one of the graph's."""
    for node, step in steps(graph):
        if step.get("nodeName") and step["nodeName"] not in graph["spec"]["nodes"]:
            yield f"spec.nodes.{node}: expected a node of the graph, found {step['nodeName']}"


@rule("graph: V2 between steps", KIND, source=f"{ROUTER} handleSequence; pkg/controller utils.go")
def carries_v2(graph: Object, bundle: Bundle) -> Iterator[str]:
    """``serviceName`` asks for a model of the service's name: a multi-model Triton wants a URL.

    ``$response`` forwards the whole body, in which V2's ``outputs`` are no ``inputs``: only a
    service that takes the body as it is may stand behind it, never ``/infer`` of Triton.
    """
    for node, step in steps(graph):
        if step.get("serviceName"):
            yield f"spec.nodes.{node}: expected serviceUrl with /v2/models/<model>/infer"
        url = urlsplit(step.get("serviceUrl") or "")
        if step.get("data") == "$response" and url.path.endswith("/infer"):
            yield f"spec.nodes.{node}: expected no $response into {url.path}"
