"""A component reaches every service that carries its label, or the service says why not."""

from __future__ import annotations

import pytest

from tests.kserve import render
from tests.kserve.edits import edited
from tests.kserve.overlays import bundles
from tests.kserve.render import Object

LABEL = "triton-multimodal-kit/serves"
EVERY = tuple(each for each in bundles.BASES if each.startswith("base/services/"))
KINDS = ("InferenceService", "LLMInferenceService")

REACHES = {
    "canary": ("InferenceService",),
    "dra": ("ServingRuntime", "InferenceService"),
    "keda": ("InferenceService",),
    "knative-scaling": ("InferenceService",),
    "mig": ("ServingRuntime",),
    "model-cache": ("InferenceService",),
    "object-store": ("InferenceService",),
    "tracing": ("ServingRuntime",),
    "verify": ("InferenceService",),
}
"""Component -> the kinds whose objects with the label ``repository`` it changes, each of them."""


def keyed(objects: list[Object]) -> dict[str, Object]:
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}


def missed(component: str, before: list[Object], after: list[Object]) -> list[str]:
    """The objects with the label that a component left as they were, and that do not say why."""
    now = keyed(after)
    return [
        name
        for name, each in keyed(before).items()
        if each["kind"] in REACHES[component]
        and each["metadata"].get("labels", {}).get(LABEL) == "repository"
        and f"triton-multimodal-kit/not-{component}" not in each["metadata"].get("annotations", {})
        and now[name] == each
    ]


def together(component: str) -> tuple[str, ...]:
    """An overlay for a component with every service besides, each named once."""
    overlay = bundles.hosts(component)[0]
    if overlay in bundles.KNATIVE:
        # A service's mode is patched by its overlay: one that is added is in Standard mode.
        return (overlay,)
    there = keyed(render.shipped(overlay))
    more = [each for each in EVERY if not keyed(render.shipped(each)).keys() & there.keys()]
    named = {
        str(each["spec"]["predictor"]["model"]["runtime"])
        for folder in more
        for each in render.shipped(folder)
        if each["kind"] == "InferenceService"
    }
    runtimes = [f"base/runtimes/{each}" for each in sorted(named)]
    return (
        overlay,
        *more,
        *(each for each in runtimes if not keyed(render.shipped(each)).keys() & there.keys()),
    )


def test_every_component_that_patches_says_what_it_reaches() -> None:
    """By a label; a list of names would pass by the next service."""
    alone = set()
    for name in bundles.COMPONENTS:
        patches = render.kustomization(f"components/{name}").get("patches", ())
        targets = [each["target"] for each in patches]
        served = [each for each in targets if each["kind"] in (*KINDS, "ServingRuntime")]
        named = {(name, each["name"]) for each in served if "name" in each}
        assert named <= NAMED.keys(), name
        reached = [each for each in served if each.get("labelSelector") == f"{LABEL}=repository"]
        assert bool(reached) == (name in REACHES), name
        if reached and len(reached) == len(served):
            alone.add(name)
    assert alone == set(bundles.EXCLUSIONS["repository"]), "what does nothing for a decoder"


NAMED = {
    ("monitoring", "tensorrt-llm"): "each engine has its metrics at a path of its own",
    ("monitoring", "vllm"): "each engine has its metrics at a path of its own",
    ("dra", "decoder-trtllm-multi-gpu"): "it takes as many GPUs as it has ranks",
    ("dra", "decoder-trtllm-multi-node"): "it takes as many GPUs as it has ranks",
}
"""Component and object that it names -> why a label would not do."""


@pytest.mark.parametrize("component", REACHES)
def test_a_component_reaches_every_service_that_carries_its_label(component: str) -> None:
    resources = together(component)
    before = render.shipped(*resources)
    after = render.shipped(*resources, components=(component,))
    names = {each["metadata"]["name"] for each in before if each["kind"] == "InferenceService"}
    assert names >= ({"multimodal"} if len(resources) == 1 else {"multimodal", "ocr", "asr"})
    assert missed(component, before, after) == []


def test_a_service_that_a_component_passes_by_is_noticed() -> None:
    resources = together("verify")
    before = render.shipped(*resources)
    after = render.shipped(*resources, components=("verify",))
    for name in ("InferenceService/asr", "InferenceService/multimodal"):
        passed_by = keyed(after) | {name: keyed(before)[name]}
        assert missed("verify", before, list(passed_by.values())) == [name]
        why = {"metadata annotations triton-multimodal-kit/not-verify": "it loads nothing"}
        says = edited(keyed(before)[name], why)
        excused = [says if each is keyed(before)[name] else each for each in before]
        both = list((keyed(after) | {name: says}).values())
        assert missed("verify", excused, both) == []


def test_every_service_says_what_it_serves() -> None:
    for folder in EVERY:
        for each in render.shipped(folder):
            if each["kind"] in KINDS:
                assert each["metadata"]["labels"][LABEL] in ("repository", "decoder"), folder
                says = each["metadata"].get("annotations", {})
                for key in says:
                    name = key.removeprefix("triton-multimodal-kit/not-")
                    assert name == key or (name in bundles.COMPONENTS and says[key]), key
