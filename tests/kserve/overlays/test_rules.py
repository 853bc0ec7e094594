"""The rules of ``builders.bundle.rendered``: each refuses a mutated rendering, in a sentence."""

from __future__ import annotations

import ast
import copy
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.bundle.render import RenderError
from builders.bundle.rendered import rules
from builders.bundle.rendered.address import Address
from builders.bundle.rendered.objects import CLUSTER_WIDE, IDLE, Rendered, selects
from tests.kserve import render
from tests.kserve.edits import edited
from tests.kserve.overlays import bundles
from tests.kserve.render import Object

Edits = dict[str, Any]

SERVICE = "InferenceService/multimodal"
MODEL = "spec predictor model"
URI = f"{MODEL} storageUri"
VERIFY = "spec predictor initContainers 0"
CONTAINER = "ClusterStorageContainer/model-repository.multimodal"
ADDRESS = "s3://mine/team/repository"

SERVED = "what is served is what is verified"
PULLED = "an address has a storage container that takes it"
CACHED = "a cached service is in a cache"
TRIGGERS = "a canary has no triggers"
ADMITTED = "pod security takes every pod"
SCRAPED = "what triggers is scraped"
RENAMED = "names are as they are shipped"
GRAPH = "a graph's services are there"
ASKED = "the server that a gateway asks is there"
ONE = "everything is in one namespace"
QUERIES = "queries are of this namespace and of these pods"
SELECTS = "what selects pods finds some"
LABEL = "what serves the repository carries its label"
MODELS = "models of a gateway have names of their own"

MUTATIONS: list[tuple[str, tuple[str, ...], str, Edits | None, str]] = [
    (SERVED, ("verify",), SERVICE, {URI: "pvc://another/models"}, "pvc://another/models is served"),
    (SERVED, ("verify",), SERVICE, {URI: "pvc://model-repository-2/models"}, "repository-2 in the"),
    (SERVED, ("verify",), SERVICE, {URI: "oci://r.example/demo:1"}, "served unverified"),
    (SERVED, ("verify",), SERVICE, {URI: "gs://a/b"}, "served unverified"),
    (SERVED, ("verify",), SERVICE, {f"{VERIFY} args 0": "/mnt/models"}, "no init container"),
    (SERVED, ("verify",), SERVICE, {f"{VERIFY} args 2": "--quiet"}, "no init container"),
    (SERVED, ("verify",), SERVICE, {f"{VERIFY} env 1 valueFrom": None}, "no init container"),
    (SERVED, ("verify",), SERVICE, {f"{VERIFY} volumeMounts 0 subPath": "old"}, "is verified"),
    (SERVED, ("verify",), SERVICE, {"spec predictor volumes 1": {"name": "v"}}, "is verified"),
    (
        SERVED,
        ("verify", "canary"),
        SERVICE,
        {"spec canary 0 predictor model storageUri": "pvc://another/next"},
        "canary next: pvc://another/next is served",
    ),
    (
        SERVED,
        ("verify", "object-store"),
        SERVICE,
        {"spec predictor storageContainerName": "model-repository.multimodal"},
        "served unverified",
    ),
    (
        SERVED,
        ("verify", "object-store"),
        SERVICE,
        {"metadata annotations serving.kserve.io/nodegroup": "model-cache.multimodal"},
        "is served from the cache, which KServe's job fills",
    ),
    (
        SERVED,
        ("verify",),
        "InferenceService/*",
        {"metadata labels triton-multimodal-kit/serves": "decoder"},
        "nothing is verified",
    ),
    (PULLED, ("object-store",), SERVICE, {URI: ADDRESS}, f"and not {ADDRESS}"),
    (PULLED, ("object-store",), SERVICE, {URI: "s3://models/multimodal-next/models"}, "and not"),
    (PULLED, ("verify",), SERVICE, {URI: "oci://r.example/demo:1"}, "and not oci://"),
    (
        PULLED,
        ("object-store",),
        CONTAINER,
        {"spec supportedUriFormats 0 prefix": "s3://models/multimodal"},
        "s3://models/multimodal-other too",
    ),
    (CACHED, ("object-store", "model-cache"), SERVICE, {URI: ADDRESS}, f"has {ADDRESS}"),
    (
        CACHED,
        ("object-store", "model-cache"),
        SERVICE,
        {URI: "s3://models/multimodal/models-2"},
        "has s3://models/multimodal/models-2",
    ),
    (
        CACHED,
        ("object-store", "model-cache"),
        "LocalModelNamespaceCache/model-repository",
        {"spec nodeGroups 0": "elsewhere"},
        "no LocalModelNodeGroup elsewhere",
    ),
    (
        CACHED,
        ("object-store", "model-cache"),
        SERVICE,
        {"spec canary": [{"predictor": {"name": "next", "model": {"storageUri": ADDRESS}}}]},
        "for a folder of the cached one",
    ),
    (
        CACHED,
        ("object-store", "model-cache"),
        SERVICE,
        {"spec predictor storageContainerName": None},
        "without credentials. Add the component object-store",
    ),
    (SCRAPED, ("keda", "monitoring"), "PodMonitor/triton", None, "Add the component monitoring"),
    (
        TRIGGERS,
        ("canary",),
        SERVICE,
        {"metadata annotations serving.kserve.io/autoscalerClass": "keda"},
        "no trigger for a canary",
    ),
    (
        ADMITTED,
        ("restricted",),
        "LLMInferenceService/decoder-llmisvc",
        {"spec worker": {"containers": []}},
        "adds capabilities to its workers",
    ),
    (
        RENAMED,
        (),
        "ServingRuntime/triton-multimodal",
        {"metadata name": "a-triton-multimodal"},
        "there is a-triton-multimodal",
    ),
    (
        RENAMED,
        (),
        "PersistentVolumeClaim/model-repository",
        {"metadata name": "model-repository-a"},
        "names the PersistentVolumeClaim model-repository",
    ),
    (
        RENAMED,
        ("object-store",),
        "ServiceAccount/model-repository",
        {"metadata name": "a-model-repository"},
        "names the ServiceAccount",
    ),
    (
        RENAMED,
        ("object-store",),
        CONTAINER,
        {"metadata name": "a-model-repository.multimodal"},
        "names the ClusterStorageContainer",
    ),
    (
        RENAMED,
        (),
        "ConfigMap/trtllm-serve",
        {"metadata name": "a-trtllm-serve"},
        "names the ConfigMap trtllm-serve",
    ),
    (
        RENAMED,
        ("object-store", "model-cache"),
        "LocalModelNodeGroup/model-cache.multimodal",
        {"metadata name": "a-model-cache.multimodal"},
        "names the LocalModelNodeGroup",
    ),
    (
        RENAMED,
        (),
        "PersistentVolumeClaim/decoder-weights",
        {"metadata name": "a-decoder-weights"},
        "LLMInferenceService/decoder-llmisvc: names",
    ),
    (GRAPH, (), "InferenceService/ocr", {"metadata name": "a-ocr"}, "step ocr calls ocr-predictor"),
    (GRAPH, (), "InferenceService/ocr", None, "step ocr calls ocr-predictor"),
    (ASKED, (), SERVICE, {"metadata name": "other"}, "asks multimodal-predictor, and there are"),
    (
        ASKED,
        (),
        "Deployment/openai",
        {"spec template spec containers 0 args 1": "--triton=triton:8001"},
        "asks triton, and there are",
    ),
    (ONE, (), SERVICE, {"metadata namespace": "team-a"}, "is in the namespace team-a"),
    (ONE, (), "Namespace/multimodal", {"metadata name": "team-a"}, "is in the namespace team-a"),
    (ONE, (), SERVICE, {"metadata namespace": None}, "of none"),
    (
        ONE,
        ("object-store",),
        CONTAINER,
        {"metadata name": "model-repository.team-a"},
        "another team's would be overwritten",
    ),
    (
        QUERIES,
        ("keda", "monitoring"),
        SERVICE,
        {
            "spec predictor autoScaling metrics 0 external metric query": 'a{namespace="b"}',
        },
        "asks for the namespace b",
    ),
    (
        QUERIES,
        ("keda", "monitoring"),
        SERVICE,
        {
            "spec predictor autoScaling metrics 1 external metric query": 'a{pod=~"ocr-.+"}',
        },
        "asks for the pods ocr-.+",
    ),
    (
        QUERIES,
        ("monitoring",),
        "PrometheusRule/triton",
        {"spec groups 1 rules 0 expr": 'up{namespace="team-a"}'},
        "asks for the namespace team-a",
    ),
    (SELECTS, ("disruption-budgets",), "InferenceService/ocr", None, "PodDisruptionBudget/ocr"),
    (
        SELECTS,
        ("disruption-budgets",),
        "PodDisruptionBudget/multimodal",
        {"spec selector matchLabels component": "transformer"},
        "component=transformer",
    ),
    (
        SELECTS,
        ("network-policies",),
        "NetworkPolicy/default-deny",
        {"spec podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
        "selects a,",
    ),
    (
        SELECTS,
        ("network-policies",),
        "NetworkPolicy/endpoint-picker",
        {
            f"metadata annotations {IDLE}": None,
            "spec egress 0 to 0 podSelector matchLabels": {"a": "b"},
        },
        "a=b",
    ),
    (LABEL, (), SERVICE, {"metadata labels triton-multimodal-kit/serves": None}, "Add the label"),
    (
        MODELS,
        (),
        "LLMInferenceService/decoder-llmisvc-vllm",
        {"spec model name": "decoder-llmisvc"},
        "as of LLMInferenceService/decoder-llmisvc",
    ),
]
"""Rule, components, object or all of a kind (``/*``), what is changed of it (None: it is taken
away), what is said."""

MORE = ("base/openai", "base/services/asr", "base/services/decoder-llmisvc")


@cache
def whole(*components: str) -> tuple[Object, ...]:
    """The overlay gpu with services that it does not have, in its namespace; no rule is broken.

    To look at alone: the tests share it.
    """
    objects = render.shipped("overlays/gpu", *MORE, components=components)
    for each in objects:
        if each["kind"] not in CLUSTER_WIDE:
            each["metadata"].setdefault("namespace", "multimodal")
    assert rules.breaches(objects) == {}
    return tuple(objects)


def mutated(objects: Sequence[Object], name: str, edits: Edits | None) -> list[Object]:
    there = [f"{each['kind']}/{each['metadata']['name']}" for each in objects]
    found = [each == name or f"{each.partition('/')[0]}/*" == name for each in there]
    assert any(found), name
    return [
        edited(each, edits or {}) if here else each
        for each, here in zip(objects, found, strict=True)
        if not (here and edits is None)
    ]


@pytest.mark.sampled(16)
@pytest.mark.parametrize(("rule", "components", "name", "edits", "said"), MUTATIONS)
def test_a_rule_refuses_a_mutated_rendering(
    rule: str, components: tuple[str, ...], name: str, edits: Edits | None, said: str
) -> None:
    sentences = rules.breaches(mutated(whole(*components), name, edits))[rule]
    assert any(said in each for each in sentences), sentences
    for each in sentences:
        assert "\n" not in each and not each.endswith(".") and ". " in each, "with the remedy"


BESIDE = ("_queries", "_references", "_without_form")


def test_every_sentence_of_every_rule_is_said_by_a_mutation() -> None:
    assert {rule for rule, *_ in MUTATIONS} == rules.RULES.keys()
    said: set[int] = set()
    for rule, components, name, edits, _ in MUTATIONS:
        said |= {*places(rules.RULES[rule](Rendered(mutated(whole(*components), name, edits))))}
    tree = ast.parse(inspect.getsource(rules))
    written = {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.JoinedStr)
    } - {
        # What yields queries and places for others, and what is said before any rule.
        node.lineno
        for part in tree.body
        if isinstance(part, ast.FunctionDef) and part.name in BESIDE
        for node in ast.walk(part)
        if isinstance(node, ast.Yield)
    }
    assert written - said == set() and len(written) >= len(rules.RULES)


def places(check: Iterator[str]) -> Iterator[int]:
    """The line of each sentence, in the innermost generator."""
    for _ in check:
        inner: Any = check
        while inner.gi_yieldfrom is not None:
            inner = inner.gi_yieldfrom
        yield inner.gi_frame.f_lineno


def test_what_may_select_nothing_selects_something_somewhere() -> None:
    """With every service, and the component that it waits for."""
    idle: set[str] = set()
    found: set[str] = set()
    for decoder in ("decoder-llmisvc", "decoder-trtllm-multi-node"):
        objects = render.shipped(
            "overlays/gpu",
            "base/runtimes/vllm",
            "base/services/decoder-vllm",
            f"base/services/{decoder}",
            components=("monitoring", "network-policies", "tracing"),
        )
        pods = list(Rendered(objects).pods())
        for each in objects:
            if IDLE in each["metadata"].get("annotations", {}):
                name = f"{each['kind']}/{each['metadata']['name']}"
                idle.add(name)
                if all(any(selects(s, pod) for pod in pods) for s in rules._selectors(each)):
                    found.add(name)
    assert idle and idle == found


def test_the_endpoint_picker_gets_what_it_asks_for() -> None:
    objects = whole("network-policies")
    policies = {e["metadata"]["name"]: e["spec"] for e in objects if e["kind"] == "NetworkPolicy"}
    picker, workload = policies["endpoint-picker"], policies["from-endpoint-picker"]
    ports = {
        (part, tuple(port["port"] for port in rule["ports"]))
        for part in ("ingress", "egress")
        for rule in picker[part]
    }
    assert ports == {("ingress", (9002,)), ("egress", (8000,)), ("egress", (443, 6443))}
    (allowed,) = workload["ingress"]
    assert allowed["ports"] == [{"protocol": "TCP", "port": 8000}]
    assert allowed["from"][0]["podSelector"] == picker["podSelector"]
    assert picker["egress"][0]["to"][0]["podSelector"] == workload["podSelector"]


@pytest.mark.parametrize(
    ("out", "back", "port"),
    [
        ("to-decoder", "from-repository", 8080),
        ("to-decoder-workload", "workload-from-repository", 8000),
    ],
)
def test_triton_gets_to_the_decoder_and_no_further(out: str, back: str, port: int) -> None:
    objects = whole("network-policies")
    policies = {e["metadata"]["name"]: e["spec"] for e in objects if e["kind"] == "NetworkPolicy"}
    (leaves,), (comes,) = policies[out]["egress"], policies[back]["ingress"]
    assert leaves["to"] == [{"podSelector": policies[back]["podSelector"]}]
    assert comes["from"] == [{"podSelector": policies[out]["podSelector"]}]
    assert leaves["ports"] == comes["ports"] == [{"protocol": "TCP", "port": port}]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("stack", bundles.stacks_by_width())
def test_another_namespace_is_everywhere(stack: bundles.Stack) -> None:
    """All components that fit, with transformers/namespace and without."""
    overlay, components = stack
    without = rules.breaches(render.composed([overlay], components, namespace="team-a"))
    assert {*without} <= {ONE, QUERIES} and without
    wired = ["transformers/namespace"]
    objects = render.composed([overlay], components, namespace="team-a", transformers=wired)
    assert rules.breaches(objects) == {}
    text = json.dumps(objects)
    assert '"namespace": "team-a"' in text
    assert 'namespace=\\"multimodal\\"' not in text and '"namespace": "multimodal"' not in text


def test_the_command_prints_the_namespace_or_a_sentence_for_each_breach() -> None:
    def check(objects: Any) -> subprocess.CompletedProcess[str]:
        text = objects if isinstance(objects, str) else "\n---\n".join(map(json.dumps, objects))
        return subprocess.run(
            [sys.executable, "-m", "builders.bundle.rendered.check"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=render.KSERVE.parent,
        )

    fine = check(whole())
    assert (fine.returncode, fine.stdout, fine.stderr) == (0, "multimodal\n", "")
    wrong = check(mutated(whole("verify"), SERVICE, {URI: "oci://r.example/demo:1"}))
    assert wrong.returncode == 1 and wrong.stdout == ""
    assert all(each.startswith("error: ") for each in wrong.stderr.splitlines())
    assert check("a: [").returncode == 2
    for empty in ("", "---\n", [{"kind": "ConfigMap", "metadata": {"name": "a"}}]):
        nowhere = check(empty)
        assert (nowhere.returncode, nowhere.stdout) == (1, "")
        assert nowhere.stderr.startswith("error: no object is in a namespace. Name one")
    assert check("some text").stderr.startswith("error: document 1: expected an object")


@pytest.mark.parametrize("pair", sorted(map(sorted, bundles.EXCLUSIVE)), ids="-".join)
def test_what_excludes_each_other_is_refused_at_render_too(pair: list[str]) -> None:
    """By kustomize, whose patches do not fit, or by a rule."""
    components = [each for each in pair if each in bundles.COMPONENTS]
    services = [f"base/services/{each}" for each in pair if each not in components]
    try:
        objects = render.shipped(
            "overlays/gpu", *services, components=bundles.complete(*components)
        )
    except RenderError:
        assert pair == ["dra", "mig"]
        return
    for each in objects:
        if each["kind"] not in CLUSTER_WIDE:
            each["metadata"].setdefault("namespace", "multimodal")
    assert rules.breaches(objects)


def test_what_something_else_scrapes_may_trigger() -> None:
    note = {"metadata annotations triton-multimodal-kit/scraped-by": "the platform's agent"}
    objects = render.shipped("overlays/gpu", components=("keda",))
    assert [*rules.breaches(objects)] == [SCRAPED]
    assert rules.breaches(mutated(objects, "InferenceService/*", note)) == {}


def test_an_object_without_a_spec_is_named() -> None:
    objects = mutated(whole(), SERVICE, {"spec": None})
    (sentences,) = rules.breaches(objects).values()
    assert sentences == [
        f"{SERVICE}: expected a spec, found none. Mend the patch that took it away"
    ]


@pytest.mark.parametrize("document", ["a text", ["a list"], {}, {"kind": "Service"}, {"a": 1}])
def test_what_is_no_object_is_told_by_its_number(document: Any) -> None:
    (sentences,) = rules.breaches([*whole(), document]).values()
    assert sentences[0].startswith(f"document {len(whole()) + 1}: expected an object")


MOST = ("keda", "monitoring", "verify", "object-store", "network-policies")
OTHER: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, "text", [], [1], ["a"], {}, {"a": []}, True]
)


@settings(deadline=None)
@given(st.data())
def test_rules_say_something_of_any_form(data: st.DataObject) -> None:
    """Patches make what no schema has; a sentence comes of that, and never a traceback."""
    objects = copy.deepcopy(whole(*MOST))
    node: Any = data.draw(st.sampled_from(objects))
    key: Any = data.draw(st.sampled_from([*node]))
    while isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(st.sampled_from([*node] if isinstance(node, dict) else range(len(node))))
    node[key] = data.draw(OTHER)
    for sentences in rules.breaches(objects).values():
        assert all("\n" not in each and not each.endswith(".") for each in sentences)


PARTS = st.lists(st.from_regex(r"[a-z0-9.-]{1,5}", fullmatch=True), min_size=1, max_size=4)


@settings(max_examples=40)
@given(PARTS, PARTS, st.sampled_from(["", "/", "//"]))
def test_an_address_is_compared_by_its_parts(one: list[str], more: list[str], end: str) -> None:
    outer = Address.parse(f"s3://{'/'.join(one)}{end}")
    inner = Address.parse(f"s3://{'/'.join([*one, *more])}")
    assert inner.inside(outer) and not outer.inside(inner) and outer.inside(outer)
    longer = Address.parse(f"s3://{'/'.join(one)}-next")
    assert not longer.inside(outer) and not outer.inside(longer)
    assert not Address.parse(f"pvc://{'/'.join(one)}").inside(outer)
    assert Address.parse(str(inner)) == inner and outer.root == one[0]
