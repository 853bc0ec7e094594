"""Components add; the base's containers stay as they are, whatever is switched on, in any order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.kserve import render
from tests.kserve.cluster.webhooks.bundle import Bundle
from tests.kserve.cluster.webhooks.rule import breaches
from tests.kserve.cluster.webhooks.triton.repository import kinds
from tests.kserve.overlays import bundles
from tests.kserve.overlays.test_overlays import CLUSTER_WIDE

Object = dict[str, Any]

SERVICES = ("multimodal", "ocr")
S3 = "s3://models/multimodal/models"


def name_of(manifest: Object) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def containers(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """The serving containers of runtimes and services, by object."""
    for each in objects:
        name = name_of(each)
        if each["kind"] == "ServingRuntime":
            yield name, each["spec"]["containers"][0]
        elif each["kind"] == "InferenceService":
            yield name, each["spec"]["predictor"]["model"]
        elif each["kind"] == "LLMInferenceService":
            yield name, each["spec"]["template"]["containers"][0]


def lost(before: list[Object], after: list[Object]) -> list[str]:
    """What the containers of ``after`` no longer have of those of ``before``.

    Arguments may follow the old ones, since Triton's last value counts; resources may change.
    """
    now = dict(containers(after))
    found = []
    for name, old in containers(before):
        new = now.get(name)
        if new is None:
            found.append(name)
            continue
        arguments = old.get("args", [])
        if new.get("args", [])[: len(arguments)] != arguments:
            found.append(f"{name}: args")
        kept = old.keys() - {"args", "resources", "storageUri"}
        found += [f"{name}: {key}" for key in sorted(kept) if new.get(key) != old[key]]
        if memory(new) != memory(old):
            found.append(f"{name}: memory")
    return found


def memory(container: Object) -> object:
    return container.get("resources", {}).get("limits", {}).get("memory")


def service(objects: list[Object], name: str = "multimodal") -> Object:
    return next(
        each
        for each in objects
        if each["kind"] == "InferenceService" and each["metadata"]["name"] == name
    )


def with_components(*names: str, overlay: str = "overlays/gpu") -> list[Object]:
    return render.shipped(overlay, components=names)


@pytest.mark.parametrize("stacks", bundles.WIDTHS)
def test_containers_keep_what_the_overlay_gave_them(
    stacks: Callable[[], list[bundles.Stack]],
) -> None:
    found = {
        f"{overlay} {components}": lost(
            render.shipped(overlay), render.shipped(overlay, components=components)
        )
        for overlay, components in stacks()
    }
    assert len(found) > len(bundles.COMPONENTS)
    assert {stack: sentences for stack, sentences in found.items() if sentences} == {}


DIFFER: dict[str, set[str]] = {
    "overlays/gpu": {"image", "memory"},
    "overlays/gpu-mig": {"image", "memory"},
    "overlays/knative": {"lifecycle", "ports"},
    "overlays/local-cpu": set(),
}
"""What an overlay's triton-multimodal has otherwise than the base's, and why it is an overlay."""


@pytest.mark.parametrize("overlay", bundles.OVERLAYS)
def test_containers_of_an_overlay_are_those_of_its_bases(overlay: str) -> None:
    bases = render.shipped(*bundles.BASES)
    objects = render.shipped(overlay)
    there = dict(containers(objects))
    before = [each for each in bases if name_of(each) in there]
    assert len(before) == len(there)
    expected = {f"ServingRuntime/triton-multimodal: {each}" for each in DIFFER[overlay]}
    assert set(lost(before, objects)) == expected


@pytest.mark.parametrize("stacks", bundles.WIDTHS)
def test_every_mount_has_its_volume(stacks: Callable[[], list[bundles.Stack]]) -> None:
    for overlay, components in stacks():
        for pod in Bundle(render.shipped(overlay, components=components)).pods():
            names = {each["name"] for each in pod.container["volumeMounts"]}
            assert names <= pod.volumes.keys(), (overlay, components)
            assert names, (overlay, components)


@pytest.mark.slow
@pytest.mark.parametrize("overlay", bundles.OVERLAYS)
def test_any_components_that_fit_leave_containers_alone_in_any_order(overlay: str) -> None:
    """Every set of those that patch containers, beside all others, forwards and backwards."""
    fitting = [each for each in bundles.COMPONENTS if overlay in bundles.hosts(each)]
    patching = [each for each in fitting if patches(each)]
    others = tuple(each for each in fitting if each not in patching)
    sets = [
        (*chosen, *others)
        for size in range(1, len(patching) + 1)
        for chosen in combinations(patching, size)
        if bundles.fits((*chosen, *others))
    ]
    render.rendered((overlay, each[::step]) for each in sets for step in (1, -1))
    before = render.shipped(overlay)
    for each in sets:
        after = render.shipped(overlay, components=each)
        assert lost(before, after) == [], each
        assert breaches(after) == {}, each
        assert canonical(after) == canonical(render.shipped(overlay, components=each[::-1])), each


def patches(component: str) -> bool:
    """Whether a component changes objects that have containers."""
    path = render.KSERVE / "components" / component / "kustomization.yaml"
    found = yaml.safe_load(path.read_text(encoding="utf-8")).get("patches", ())
    return any(each["target"]["kind"] in ("ServingRuntime", "InferenceService") for each in found)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image", "a:1"),
        ("args", ["tritonserver"]),
        ("ports", []),
        ("volumeMounts", []),
        ("env", []),
    ],
)
def test_a_container_that_lost_something_is_noticed(key: str, value: object) -> None:
    before, after = render.shipped("overlays/gpu"), render.shipped("overlays/gpu")
    assert lost(before, after) == []
    dict(containers(after))["ServingRuntime/triton-multimodal"][key] = value
    assert lost(before, after) == [f"ServingRuntime/triton-multimodal: {key}"]


@pytest.mark.parametrize(
    "stacks",
    [
        # Any two components are in one of these, and in the other order when it is turned round.
        pytest.param(bundles.full, id="together"),
        pytest.param(bundles.rendered_pairs, id="in pairs", marks=pytest.mark.slow),
    ],
)
def test_the_order_of_components_does_not_matter(
    stacks: Callable[[], list[bundles.Stack]],
) -> None:
    there = stacks()
    render.rendered((overlay, components[::-1]) for overlay, components in there)
    found = [
        components
        for overlay, components in there
        if canonical(render.shipped(overlay, components=components))
        != canonical(render.shipped(overlay, components=components[::-1]))
    ]
    assert there and found == []


def canonical(objects: list[Object]) -> list[str]:
    """The same for the same objects, in whatever order."""
    return sorted(json.dumps(each, sort_keys=True) for each in objects)


def test_what_a_component_adds_is_in_the_namespace_and_of_the_project() -> None:
    for overlay, components in bundles.singles():
        there = {(each["kind"], each["metadata"]["name"]) for each in render.shipped(overlay)}
        for each in render.shipped(overlay, components=components):
            if (each["kind"], each["metadata"]["name"]) in there:
                continue
            metadata = each["metadata"]
            assert metadata["labels"]["app.kubernetes.io/part-of"] == "triton-multimodal-kit"
            if each["kind"] not in CLUSTER_WIDE:
                assert metadata.get("namespace") == "multimodal", (components, metadata["name"])


@pytest.mark.parametrize("name", SERVICES)
def test_queues_of_composing_models_are_counted_once(name: str) -> None:
    predictor = service(with_components("keda"), name)["spec"]["predictor"]
    without = {model for model, kind in kinds().items() if kind in ("ensemble", "bls")}
    metrics = predictor["autoScaling"]["metrics"]
    assert len(metrics) == 2
    for each in metrics:
        (excluded,) = re.findall(r'model!~"([^"]+)"', each["external"]["metric"]["query"])
        assert set(excluded.split("|")) == without
        (pods,) = re.findall(r'pod=~"([^"]+)"', each["external"]["metric"]["query"])
        assert re.fullmatch(pods, f"{name}-predictor-7d9c5b6f4-x2x4z")
        others = [f"{other}-predictor-7d9c5b6f4-x2x4z" for other in SERVICES if other != name]
        assert not any(re.fullmatch(pods, each) for each in others)


@pytest.mark.parametrize(
    "components", [("verify", "object-store"), ("object-store", "verify")], ids="-".join
)
def test_what_is_pulled_is_verified_by_what_pulls_it(components: tuple[str, ...]) -> None:
    objects = with_components(*components)
    for name in SERVICES:
        predictor = service(objects, name)["spec"]["predictor"]
        assert predictor["model"]["storageUri"] == S3
        assert predictor["storageContainerName"] == "model-repository-signed.multimodal"
        assert "initContainers" not in predictor
        assert [each["name"] for each in predictor["volumes"]] == ["model-signing"]


def test_the_volume_that_is_verified_is_the_one_that_is_served() -> None:
    for name in SERVICES:
        predictor = service(with_components("verify"), name)["spec"]["predictor"]
        (container,) = predictor["initContainers"]
        mount, key = container["volumeMounts"]
        volumes = {each["name"]: each for each in predictor["volumes"]}
        claim = volumes[mount["name"]]["persistentVolumeClaim"]["claimName"]
        assert predictor["model"]["storageUri"].startswith(f"pvc://{claim}/")
        assert "subPath" not in mount, "the folder is read from the storageUri"
        assert container["args"] == [
            "$(STORAGE_URI)",
            f"--mounted={claim}={mount['mountPath']}",
            "--require-signature",
            f"--public-key={key['mountPath']}/public.pem",
        ]
        assert "command" not in container, "the image's entrypoint is `repository verify`"


def test_what_pulls_fits_the_uris_that_services_have() -> None:
    for components in [("object-store",), ("verify",), ("verify", "object-store")]:
        objects = with_components(*components)
        formats = {
            each["metadata"]["name"]: [one["prefix"] for one in each["spec"]["supportedUriFormats"]]
            for each in objects
            if each["kind"] == "ClusterStorageContainer"
        }
        for name in SERVICES:
            predictor = service(objects, name)["spec"]["predictor"]
            prefixes = formats[predictor["storageContainerName"]]
            assert predictor["model"]["storageUri"].startswith(tuple(prefixes))


def test_the_cache_holds_what_services_ask_for() -> None:
    for components in [("model-cache",), ("model-cache", "object-store")]:
        objects = with_components(*components)
        (cache,) = (each for each in objects if each["kind"] == "LocalModelNamespaceCache")
        (group,) = (each for each in objects if each["kind"] == "LocalModelNodeGroup")
        assert cache["spec"]["nodeGroups"] == [group["metadata"]["name"]]
        for name in SERVICES:
            found = service(objects, name)
            assert found["spec"]["predictor"]["model"]["storageUri"] == S3
            groups = found["metadata"]["annotations"]["serving.kserve.io/nodegroup"]
            assert groups in cache["spec"]["nodeGroups"]
            assert cache["spec"]["sourceModelUri"] == S3


def test_spans_go_to_the_collectors_service() -> None:
    objects = with_components("tracing")
    (collector,) = (each for each in objects if each["kind"] == "OpenTelemetryCollector")
    runtime = dict(containers(objects))["ServingRuntime/triton-multimodal"]
    (url,) = (each for each in runtime["args"] if "opentelemetry,url=" in each)
    endpoint = collector["spec"]["config"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    port = endpoint.rpartition(":")[2]
    assert url.endswith(f"http://{collector['metadata']['name']}-collector:{port}/v1/traces")


def test_no_component_brings_a_secret() -> None:
    for overlay, components in bundles.singles():
        objects = render.shipped(overlay, components=components)
        assert not [each for each in objects if each["kind"] == "Secret"], components
