"""What those who run a bundle rely on: refusals, messages, drains, GPUs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.kserve import render
from tests.kserve.cluster.webhooks.bundle import GPU_TYPES, Bundle, Pod
from tests.kserve.overlays import bundles
from tests.kserve.render import Object

ADMIN = {"model-repository", "shared-memory", "trace", "logging"}
"""Groups of APIs with which who may infer could end, trace or overload the server."""

MANAGED = frozenset({"serving.kserve.io/inferenceservice", "component"})
"""Labels that KServe gives to a predictor's pods (kserve v0.20.0 pkg/constants/constants.go)."""


def of(objects: list[Object], kind: str) -> Iterator[Object]:
    return (each for each in objects if each["kind"] == kind)


def every() -> Iterator[tuple[str, list[Object]]]:
    for overlay in bundles.OVERLAYS:
        yield overlay, render.shipped(overlay)
    for folder in bundles.BASES:
        yield folder, bundles.base(folder)


def tritons() -> Iterator[tuple[str, Pod]]:
    for where, objects in every():
        for pod in Bundle(objects).pods():
            if pod.is_triton:
                yield where, pod


def runtimes() -> Iterator[Object]:
    for folder in bundles.BASES:
        yield from of(render.shipped(folder), "ServingRuntime")


def test_who_infers_cannot_administer() -> None:
    looked = 0
    for runtime in runtimes():
        (container,) = runtime["spec"]["containers"]
        arguments = [each.partition("=") for each in container["args"]]
        for flag in ("--http-restricted-api", "--grpc-restricted-protocol"):
            for name, _, value in arguments:
                if name == flag:
                    groups, _, key = value.partition(":")
                    assert set(groups.split(",")) == ADMIN, runtime["metadata"]["name"]
                    assert key == "admin-key=$(TRITON_ADMIN_KEY)"
                    looked += 1
        if "tritonserver" in container["args"]:
            (key,) = (each for each in container["env"] if each["name"] == "TRITON_ADMIN_KEY")
            assert not key["valueFrom"]["secretKeyRef"].get("optional")
    assert looked == 2 * len(["triton-multimodal", "triton-trtllm"])


def test_a_triton_is_ready_with_all_models_or_ends_with_the_reason() -> None:
    modes = set()
    for where, pod in tritons():
        assert pod.flag("exit-on-error") == "true", where
        assert pod.flag("strict-readiness") == "true", where
        modes.add(pod.flag("model-control-mode"))
    assert modes == {"none", "explicit"}, "poll would load half of a push"


def test_the_kits_configurations_are_taken_as_they_are() -> None:
    for where, pod in tritons():
        name = (pod.runtime or {})["metadata"]["name"]
        assert ("--disable-auto-complete-config" in pod.arguments) is (
            name == "triton-multimodal"
        ), where


def test_a_container_that_fails_leaves_its_last_words() -> None:
    for runtime in runtimes():
        for container in runtime["spec"]["containers"]:
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


@pytest.mark.parametrize("overlay", bundles.OVERLAYS)
def test_nothing_has_a_token_of_the_cluster_and_gateways_wait_for_answers(overlay: str) -> None:
    for service in of(render.shipped(overlay), "InferenceService"):
        predictor = service["spec"]["predictor"]
        assert predictor["automountServiceAccountToken"] is False
        assert predictor["timeout"] > 60, "a gateway's own default"


def gpus(resources: Object) -> Object:
    return {name: count for name, count in resources.items() if name.startswith("nvidia.com/")}


def test_what_asks_for_a_gpu_gets_it_and_may_run_on_its_node() -> None:
    looked = 0
    for where, objects in every():
        for pod in Bundle(objects).pods():
            resources = pod.container.get("resources", {})
            asked = gpus(resources.get("limits", {}))
            assert gpus(resources.get("requests", {})) == asked, where
            tolerated = pod.service["spec"]["predictor"].get("tolerations", [])
            keys = {each["key"]: each["effect"] for each in tolerated}
            assert keys == ({"nvidia.com/gpu": "NoSchedule"} if asked else {}), where
            looked += bool(asked)
    assert looked


def test_a_slice_is_one_that_kserve_is_told_of() -> None:
    objects = render.shipped("overlays/gpu-mig")
    slices = 0
    for pod in Bundle(objects).pods():
        asked = gpus(pod.container["resources"]["limits"])
        ((name, count),) = asked.items()
        assert count == "1"
        if "mig" in name:
            assert name in json.loads(pod.annotation(GPU_TYPES) or "[]")
            slices += 1
    assert slices == len(["multimodal", "ocr"])


def test_a_drain_takes_a_pod_of_each_service_at_a_time() -> None:
    (overlay,) = bundles.GPU
    objects = render.shipped(overlay, components=("disruption-budgets",))
    services = {each["metadata"]["name"] for each in of(objects, "InferenceService")}
    budgets = {
        each["metadata"]["name"]: each["spec"] for each in of(objects, "PodDisruptionBudget")
    }
    assert budgets.keys() == services
    for name, spec in budgets.items():
        labels = spec["selector"]["matchLabels"]
        assert labels == {"serving.kserve.io/inferenceservice": name, "component": "predictor"}
        assert labels.keys() == MANAGED
        assert spec["maxUnavailable"] == 1
        assert "minAvailable" not in spec, "of one replica it would hold up every drain"
        assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
