"""OpenAI's API in front of a service: what it asks, who may ask it, and how it ends."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
import yaml

from builders.bundle.rendered.rules import breaches
from gateway.cli import KEYS_VARIABLE
from gateway.cli import app as gateway
from gateway.routes.table import ROUTES
from repository.manifest import VERSION
from repository.places import ROOT
from tests.kserve import render
from tests.kserve.cluster.controller import Cluster, Pod
from tests.kserve.cluster.pod_security import refusals
from tests.kserve.edits import edited
from tests.kserve.overlays import bundles
from tests.kserve.schemas import schemas

Object = dict[str, Any]

BASE = "base/openai"
REACHES = (
    *("disruption-budgets", "keda", "monitoring", "network-policies", "priority", "pull-secret"),
    *("restricted", "routes", "spread"),
)
"""The components that change it, or make something for it."""


def applied(*components: str, overlay: str = "overlays/local-cpu") -> list[Object]:
    return render.composed([overlay, BASE], components, namespace="multimodal")


def of(objects: list[Object], kind: str, name: str = "openai") -> Object:
    (found,) = (
        each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name
    )
    return found


def pod_of(objects: list[Object]) -> Pod:
    (found,) = (each for each in Cluster(objects).pods if each.workload == "openai")
    return found


def arguments(container: Object) -> dict[str, str]:
    return dict(each.split("=", 1) for each in container["args"])


@pytest.mark.parametrize("overlay", bundles.STANDARD)
def test_it_fits_every_overlay_that_has_the_service(overlay: str) -> None:
    names = [each for each in REACHES if overlay in bundles.hosts(each)]
    objects = applied(*names, overlay=overlay)
    assert breaches(objects) == {}
    assert [each for one in objects for each in schemas.problems(one)] == []
    assert list(refusals(pod_of(objects).spec)) == []


def test_each_component_that_the_page_names_reaches_it() -> None:
    page = (ROOT / "docs" / "deploy" / "overlays.md").read_text("utf-8")
    section = page.partition("## OpenAI's API\n")[2].partition("\n## ")[0]
    for name in REACHES:
        before, after = applied(), applied(*bundles.complete(name))

        def about(objects: list[Object]) -> list[Object]:
            return [each for each in objects if "openai" in each["metadata"]["name"]]

        assert (about(before) != about(after)) == (name != "restricted"), name
        assert name == "restricted" or f"`{name}`" in section, name


def test_it_asks_the_port_of_the_service_that_kserve_makes() -> None:
    objects = applied()
    cluster = Cluster(objects)
    container = of(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    host, _, port = arguments(container)["--triton"].partition(":")
    service = cluster.named("Service", host, "multimodal")
    assert service is not None
    assert int(port) in {each["port"] for each in service["spec"]["ports"]}
    (triton,) = cluster.behind(service)
    ports = {each["containerPort"] for each in triton.spec["containers"][0]["ports"]}
    assert int(port) in ports, "a Service without an address of its own leads to the pod's ports"


def test_its_options_and_paths_are_those_of_the_gateway() -> None:
    container = of(applied(), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    command = typer.main.get_command(gateway)
    known = {name for each in command.params for name in each.opts}
    assert arguments(container).keys() <= known
    assert [each["name"] for each in container["env"]] == [KEYS_VARIABLE]
    paths = {each.path for each in ROUTES}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths
    (endpoint,) = of(applied("monitoring"), "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] in paths
    (port,) = container["ports"]
    assert str(port["containerPort"]) == arguments(container)["--port"]
    assert endpoint["port"] == port["name"]


def test_it_has_time_to_answer_what_it_accepted() -> None:
    spec = of(applied(), "Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    delay = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    exits = int(arguments(container)["--exit-seconds"])
    assert delay + exits + 5 <= spec["terminationGracePeriodSeconds"]


def test_its_service_its_budget_and_its_autoscaler_find_it() -> None:
    objects = applied("disruption-budgets", "keda", "monitoring")
    cluster, pod = Cluster(objects), pod_of(objects)
    assert cluster.behind(of(objects, "Service")) == [pod]
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        assert cluster.selected(of(objects, kind)["spec"]["selector"], "multimodal") == [pod]
    target = of(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "openai")
    metrics = of(objects, "HorizontalPodAutoscaler")["spec"]["metrics"]
    names = {each["containerResource"]["container"] for each in metrics}
    assert names == {each["name"] for each in pod.spec["containers"]}
    assert "replicas" not in of(objects, "Deployment")["spec"]
    kinds = {"PodDisruptionBudget", "HorizontalPodAutoscaler", "HTTPRoute"}
    assert not [
        each
        for each in applied()
        if each["kind"] in kinds and each["metadata"]["name"].startswith("openai")
    ]


def test_a_route_leads_to_the_api_alone() -> None:
    objects = applied("routes")
    route = of(objects, "HTTPRoute", "openai-route")["spec"]
    assert route["hostnames"] == ["openai.models.example.com"]
    (rule,) = route["rules"]
    (match,) = rule["matches"]
    assert match["path"] == {"type": "PathPrefix", "value": "/v1"}
    (backend,) = rule["backendRefs"]
    ports = of(objects, "Service")["spec"]["ports"]
    assert (backend["name"], [backend["port"]]) == ("openai", [each["port"] for each in ports])


def test_the_fence_lets_its_requests_through() -> None:
    objects = applied("network-policies")
    cluster, pod = Cluster(objects), pod_of(objects)
    (port,) = of(objects, "NetworkPolicy", "openai-to-triton")["spec"]["egress"][0]["ports"]
    (container,) = pod.spec["containers"]
    assert str(port["port"]) == arguments(container)["--triton"].partition(":")[2]
    leads = of(objects, "NetworkPolicy", "from-openai")["spec"]
    assert leads["ingress"][0]["ports"] == [port]
    (peer,) = leads["ingress"][0]["from"]
    assert cluster.selected(peer["podSelector"], "multimodal") == [pod]
    (triton,) = (each for each in cluster.pods if each != pod)
    assert cluster.selected(leads["podSelector"], "multimodal") == [triton]
    own = container["ports"][0]["containerPort"]
    for policy in ("from-gateway", "from-prometheus"):
        spec = of(objects, "NetworkPolicy", policy)["spec"]
        assert own in {each["port"] for one in spec["ingress"] for each in one["ports"]}


def test_a_server_that_is_not_there_is_refused() -> None:
    objects = applied()
    alone = breaches([each for each in objects if each["kind"] != "InferenceService"])
    assert "the server that a gateway asks is there" in alone
    for address, is_refused in (
        ("triton-predictor:9000", True),
        ("multimodal-predictor.multimodal:9000", False),
        ("multimodal-predictor.multimodal.svc.cluster.local:9000", False),
        ("triton-predictor.multimodal.svc:9000", True),
        ("triton.elsewhere.svc.cluster.local:9000", False),
    ):
        path = "spec template spec containers 0 args 1"
        changed = [
            edited(each, {path: f"--triton={address}"}) if each["kind"] == "Deployment" else each
            for each in objects
        ]
        assert bool(breaches(changed)) == is_refused, address


def test_the_example_and_the_image_are_as_they_are() -> None:
    page = (ROOT / "docs" / "deploy" / "overlays.md").read_text("utf-8")
    (block,) = re.findall(r"^# OpenAI's API, in [^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert yaml.safe_load(block)["resources"] == ["../gpu", f"../../{BASE}"]
    assert set(re.findall(r"triton-multimodal-kit-gateway:([\w.]+)", page)) == {VERSION}
    container = of(applied(), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"triton-multimodal-kit-gateway:{VERSION}"
    secret = container["env"][0]["valueFrom"]["secretKeyRef"]
    assert f"secret generic {secret['name']} " in page
    assert f"--from-literal={secret['key']}=" in page
