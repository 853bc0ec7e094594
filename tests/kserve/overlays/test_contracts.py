"""YAML and code say the same: models, ports, arguments, versions, what must be there."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from packaging.requirements import Requirement

from builders.kit.emit.config import model_config
from builders.kit.recipe.profile import load_profile, profiles
from builders.kit.recipe.recipe import make_recipe
from clients.cli.ocr import ocr
from clients.ocr.client import OcrClient
from repository.release import RELEASES, release
from runtime.machine.environment import ServerEnvironment
from tests.docs.pages import DEPLOY
from tests.kserve import render
from tests.kserve.cluster.webhooks.bundle import Bundle, Pod
from tests.kserve.cluster.webhooks.quantity import quantity
from tests.kserve.cluster.webhooks.triton.repository import BUILT, kinds, servable
from tests.kserve.overlays import bundles
from tests.kserve.schemas import schemas
from tests.kserve.schemas.crds import ROOT

Object = dict[str, Any]

LOCAL = "24.10"
NEWER_FLAGS: dict[str, tuple[str, str]] = {
    "allow-client-shm": ("26.04", "triton-inference-server/server@546a78766"),
}
"""Flags that 24.10's binary does not know -> the first release that does, and where it says so."""

TENSORRT_11 = "26.07"
"""The first image whose ONNX Runtime supports TensorRT 11 (ONNX Runtime 1.27)."""

LAST_TRTLLM = "26.07"
"""The last image of TensorRT-LLM (server docs/introduction/compatibility.md on r26.08)."""

PROFILES = {
    "overlays/local-cpu": "demo",
    "overlays/knative": "demo",
    "overlays/gpu": "gpu",
    "overlays/gpu-mig": "gpu",
}
"""Overlay -> the profile that builds the repository which it serves."""

DECODERS = ("tensorrt_llm",)
"""Models of the repositories that decoders bring, which are not built here."""


@cache
def everything() -> tuple[tuple[str, list[Object]], ...]:
    """To look at alone: the tests share it."""
    stacks = [*((overlay, ()) for overlay in bundles.OVERLAYS), *bundles.full()]
    render.rendered(stacks)
    return (
        *(
            (f"{overlay} {components}", render.shipped(overlay, components=components))
            for overlay, components in stacks
        ),
        *((folder, bundles.base(folder)) for folder in bundles.BASES),
    )


def containers(node: object) -> Iterator[Object]:
    """Whatever has an image, in any object."""
    if isinstance(node, dict):
        if "image" in node:
            yield node
        for value in node.values():
            yield from containers(value)
    elif isinstance(node, list):
        for value in node:
            yield from containers(value)


@cache
def tritons() -> tuple[tuple[str, Pod], ...]:
    return tuple(
        (where, pod)
        for where, objects in everything()
        for pod in Bundle(objects).pods()
        if pod.is_triton
    )


@pytest.fixture(scope="module")
def known(server_environment: ServerEnvironment) -> set[str]:
    """The flags of the local Triton."""
    binary = server_environment.triton / "bin" / "tritonserver"
    said = subprocess.run([binary, "--help"], capture_output=True, text=True, check=False)
    flags = set(re.findall(r"^\s*--([a-z-]+)", said.stdout + said.stderr, re.MULTILINE))
    assert "model-repository" in flags
    return flags


def triton_release(image: str) -> str:
    """The release that an image's tag names, as ``24.10``."""
    found = re.search(r":(\d\d\.\d\d)(-[\w.-]+)?$", image)
    assert found, f"{image}: expected a tag that starts with a Triton release"
    return found[1]


def unknown_flags(arguments: list[str], name: str, known: set[str]) -> list[str]:
    flags = [each.removeprefix("--").split("=")[0] for each in arguments if each.startswith("--")]
    later = {flag for flag, (since, _) in NEWER_FLAGS.items() if since <= name}
    return [flag for flag in flags if flag not in known | later]


@pytest.mark.thorough
def test_triton_knows_its_arguments(known: set[str]) -> None:
    looked = set()
    for where, objects in everything():
        for container in containers(objects):
            words = [*container.get("command", ()), *container.get("args", ())]
            if "tritonserver" in words:
                name = triton_release(container["image"])
                assert unknown_flags(words, name, known) == [], where
                looked.add(name)
    assert LOCAL in looked


def test_an_argument_of_another_release_is_noticed(known: set[str]) -> None:
    arguments = ["tritonserver", "--http-prot=1", "--allow-client-shm=true", "--http-port=1"]
    assert unknown_flags(arguments, "24.10", known) == ["http-prot", "allow-client-shm"]
    assert unknown_flags(arguments, "26.04", known) == ["http-prot"]
    assert known.isdisjoint(NEWER_FLAGS)


def test_the_models_that_manifests_name_can_be_built() -> None:
    names: set[str] = set()
    for _, objects in everything():
        text = json.dumps(objects)
        names |= set(re.findall(r"/v2/models/([\w-]+)", text))
        names |= set(re.findall(r"--load-model=([\w-]+)", text))
    assert "ocr" in names
    assert names - set(DECODERS) <= servable()


def test_a_graph_calls_services_and_ports_that_are_there() -> None:
    urls = 0
    for where, objects in everything():
        services = {
            f"{each['metadata']['name']}-predictor"
            for each in objects
            if each["kind"] == "InferenceService"
        }
        for graph in (each for each in objects if each["kind"] == "InferenceGraph"):
            if not services:
                continue
            for url in re.findall(r'"serviceUrl": "([^"]+)"', json.dumps(graph)):
                host = re.match(r"http://([a-z-]+)/v2/models/", url)
                assert host and host[1] in services, (where, url)
                urls += 1
    assert urls


def test_clients_speak_to_what_is_served() -> None:
    default = inspect.signature(OcrClient.__init__).parameters["model"].default
    assert kinds()[default] == "ensemble"
    assert inspect.signature(ocr).parameters["model"].default == default
    local = inspect.signature(ocr).parameters["url"].default.rpartition(":")[2]
    assert f"{local}:9000" in DEPLOY, "the port that is forwarded to gRPC is the client's default"


def test_images_are_of_the_profiles_release() -> None:
    assert set(PROFILES) == set(bundles.OVERLAYS)
    target = json.loads((BUILT / "manifest.json").read_text(encoding="utf-8"))["target"]["triton"]
    assert target == load_profile("demo").triton == LOCAL
    served = {overlay: Bundle(render.shipped(overlay)).pods() for overlay in PROFILES}
    for overlay, profile in PROFILES.items():
        wanted = load_profile(profile)
        pods = [pod for pod in served[overlay] if pod.is_triton]
        assert pods
        for pod in pods:
            assert triton_release(pod.container["image"]) == wanted.triton, overlay
            resources = json.dumps(pod.container["resources"])
            assert ("nvidia.com" in resources) == (wanted.device == "gpu"), overlay


def test_every_image_is_of_a_release_that_the_kit_knows() -> None:
    for where, pod in tritons():
        assert triton_release(pod.container["image"]) in RELEASES, where


@pytest.mark.parametrize("profile", profiles())
def test_stages_and_their_libraries_are_for_the_python_of_the_profiles_release(
    profile: str,
) -> None:
    python = release(load_profile(profile).triton).python
    assert tuple(map(int, python.split("."))) >= (3, 10), "what stages are written for"
    text = (ROOT / "runtime" / "requirements.txt").read_text(encoding="utf-8")
    wanted = [
        requirement.name
        for line in text[text.index("# stages:") :].splitlines()
        if line
        and not line.startswith("#")
        and (
            (requirement := Requirement(line)).marker is None
            or requirement.marker.evaluate({"python_version": python})
        )
    ]
    assert {"opencv-python-headless", "pillow"} <= set(wanted)
    assert len(wanted) == len(set(wanted)), "one version of each library for each Python"


def test_the_gpu_profile_runs_onnx_on_gpus_and_stages_on_the_cpu() -> None:
    recipe = make_recipe(load_profile("gpu"))
    configs = [model_config(model) for model in recipe.models]
    found = {
        (config.backend, group.kind == group.KIND_GPU)
        for config in configs
        for group in config.instance_group
    }
    assert found == {("onnxruntime", True), ("python", False)}


def test_gpu_images_load_plans_of_this_tensorrt() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert extras["tensorrt"][0].startswith("tensorrt-cu13>=11.")
    assert load_profile("gpu").triton >= TENSORRT_11
    for where, pod in tritons():
        if "nvidia.com" in json.dumps(pod.container.get("resources", {})):
            assert triton_release(pod.container["image"]) >= TENSORRT_11, where


def test_tensorrt_llm_is_of_the_last_image_that_has_it() -> None:
    (runtime,) = render.shipped("base/runtimes/triton-trtllm")
    (container,) = runtime["spec"]["containers"]
    assert container["image"].endswith("-trtllm-python-py3")
    assert triton_release(container["image"]) <= LAST_TRTLLM
    assert "--disable-auto-complete-config" not in container["args"], "llmapi completes its own"


@pytest.mark.parametrize("overlay", bundles.OVERLAYS)
def test_what_pods_refer_to_is_there_or_on_the_pages(overlay: str) -> None:
    objects = render.shipped(overlay)
    there = {(each["kind"], each["metadata"]["name"]) for each in objects}
    text = json.dumps(objects)
    secrets = re.findall(r'"secretKeyRef": \{[^}]*"name": "([^"]+)"', text)
    secrets += re.findall(r'"secretName": "([^"]+)"', text)
    maps = re.findall(r'"configMap(?:KeyRef)?": \{[^}]*"name": "([^"]+)"', text)
    assert secrets
    for each in secrets:
        assert ("Secret", each) in there or f"`{each}`" in DEPLOY
    for each in maps:
        assert ("ConfigMap", each) in there


def test_the_repository_fits_into_its_volume() -> None:
    size = sum(each.stat().st_size for each in BUILT.rglob("*") if each.is_file())
    for overlay in bundles.OVERLAYS:
        for each in render.shipped(overlay):
            if each["metadata"]["name"] == "model-repository":
                assert quantity(each["spec"]["resources"]["requests"]["storage"]) > 4 * size


def test_quantities() -> None:
    assert quantity("4Gi") == 4 * 1024**3
    assert quantity("500m") * 2 == 1
    assert quantity("1.5k") == 1500
    for wrong in ("4GB", "", "Gi", "1e3x"):
        with pytest.raises(ValueError, match="quantity"):
            quantity(wrong)


def test_kubernetes_is_the_pages() -> None:
    assert f"| Kubernetes | {schemas.KUBERNETES} |" in DEPLOY
