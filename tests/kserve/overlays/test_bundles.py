"""What is shipped is accepted: overlays, bases, and components alone, and as many as fit."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from builders.bundle.render import RenderError, renderer
from builders.bundle.rendered import rules
from tests.kserve import render
from tests.kserve.cluster.webhooks.rule import breaches
from tests.kserve.edits import edited
from tests.kserve.overlays import bundles
from tests.kserve.schemas import cel, schemas
from tests.kserve.schemas.cel_cases import REFUSED

Object = dict[str, Any]


def refused(objects: list[Object]) -> list[str]:
    """Everything that schemas, CEL rules, webhooks' rules and the kit's say against a bundle."""
    held = rules.breaches(objects).values()
    return [*unacceptable(objects), *(sentence for group in held for sentence in group)]


def unacceptable(objects: list[Object]) -> list[str]:
    """What schemas, CEL rules and webhooks' rules say against objects, of a bundle or a part."""
    found = [problem for each in objects for problem in schemas.problems(each)]
    for each in objects:
        for rule, where, held in outcomes(each):
            if not held:
                found.append(f"{schemas.label(each)}: {where}: {rule.message}")
    return found + [sentence for group in breaches(objects).values() for sentence in group]


def outcomes(manifest: Object) -> tuple[tuple[cel.Rule, str, bool], ...]:
    """The CEL rules that an object meets, where, and whether they hold."""
    return _outcomes(json.dumps(manifest, sort_keys=True))


@cache
def _outcomes(text: str) -> tuple[tuple[cel.Rule, str, bool], ...]:
    manifest = json.loads(text)
    schema = schemas.structural_schema(manifest)
    return tuple(cel.outcomes(manifest, schema)) if schema else ()


def test_there_is_something_to_look_at() -> None:
    assert {"overlays/local-cpu", "overlays/gpu", "overlays/gpu-mig", "overlays/knative"} == set(
        bundles.OVERLAYS
    )
    assert len(bundles.BASES) > 10


@pytest.mark.parametrize("overlay", bundles.OVERLAYS)
def test_an_overlay_is_accepted(overlay: str) -> None:
    objects = render.shipped(overlay)
    assert len(objects) > 3
    assert refused(objects) == []


@pytest.mark.sampled(5)
@pytest.mark.parametrize("folder", bundles.BASES)
def test_a_base_is_accepted(folder: str) -> None:
    assert unacceptable(bundles.base(folder)) == []


@pytest.mark.parametrize("stacks", bundles.WIDTHS)
def test_components_are_accepted(stacks: Callable[[], list[bundles.Stack]]) -> None:
    found = {
        f"{overlay} {components}": refused(render.shipped(overlay, components=components))
        for overlay, components in stacks()
    }
    assert len(found) > len(bundles.COMPONENTS)
    assert {stack: sentences for stack, sentences in found.items() if sentences} == {}


def test_every_component_changes_something_wherever_it_may_be() -> None:
    idle = [
        stack
        for stack in bundles.singles()
        if render.shipped(stack[0], components=stack[1])
        == render.shipped(stack[0], components=stack[1][1:])
    ]
    assert idle == []


def test_every_rule_of_cel_that_shipped_objects_meet_is_tried() -> None:
    """Each of them refuses a mutation in ``test_cel.py``; a new one wants one there."""
    met: set[str] = set()
    for overlay, components in [*((each, ()) for each in bundles.OVERLAYS), *bundles.full()]:
        met |= rules_met(render.shipped(overlay, components=components))
    for folder in bundles.BASES:
        met |= rules_met(bundles.base(folder))
    tried = {
        rule.text
        for manifest, edits, _ in REFUSED
        for rule, _ in cel.refusals(edited(manifest, edits), schema_of(manifest))
    }
    assert met - tried == set()


def schema_of(manifest: Object) -> Object:
    schema = schemas.structural_schema(manifest)
    assert schema is not None
    return schema


def rules_met(objects: list[Object]) -> set[str]:
    return {rule.text for each in objects for rule, _, _ in outcomes(each)}


def test_what_does_not_render_says_why(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="kustomization"):
        render.render(tmp_path)


def test_without_a_renderer_one_sentence_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RenderError, match=r"kustomize or kubectl on PATH.*Install"):
        renderer()


def test_kustomize_is_used_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "kustomize"
    tool.write_text('#!/bin/sh\necho "kind: A"; echo "# $1 $2"; echo ---; echo "kind: B"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert render.render(tmp_path) == [{"kind": "A"}, {"kind": "B"}]
    assert subprocess.run([*renderer(), "x"], capture_output=True, check=True, text=True)


def test_a_rendered_object_is_a_copy() -> None:
    render.shipped("base/namespace")[0]["metadata"]["name"] = "changed"
    assert render.shipped("base/namespace")[0]["metadata"]["name"] == "multimodal"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of kserve/ with a component ``path`` that sets an environment variable."""
    copy = tmp_path / "kserve"
    shutil.copytree(render.KSERVE, copy)
    folder = copy / "components" / "path"
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\n"
        "kind: Component\n"
        "patches:\n"
        "  - target: {kind: ServingRuntime, name: triton-multimodal}\n"
        '    patch: \'[{"op": "add", "path": "/spec/containers/0/env/-",'
        ' "value": {"name": "PYTHONPATH", "value": "/a"}}]\'\n'
    )
    monkeypatch.setattr(render, "KSERVE", copy)
    return copy


def test_a_component_that_breaks_a_rule_is_noticed(copied: Path) -> None:
    (sentence,) = refused(render.shipped("overlays/local-cpu", components=("path",)))
    assert "no PYTHONPATH" in sentence


def test_a_component_that_replaces_containers_is_noticed(copied: Path) -> None:
    """A strategic merge on a custom resource leaves nothing of the container but what it names."""
    (copied / "components/path/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\n"
        "kind: Component\n"
        "patches:\n"
        "  - target: {kind: ServingRuntime, name: triton-multimodal}\n"
        "    patch: '{kind: ServingRuntime, metadata: {name: triton-multimodal},"
        " spec: {containers: [{name: kserve-container, image: a}]}}'\n"
    )
    assert refused(render.shipped("overlays/local-cpu", components=("path",)))


def test_stacks_keep_to_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "COMPONENTS", ("keda", "knative-scaling", "tracing", "verify"))
    monkeypatch.setattr(bundles, "EXCLUSIVE", {frozenset({"tracing", "verify"}): "for this test"})
    assert ("overlays/knative", ("knative-scaling",)) in bundles.singles()
    assert ("overlays/gpu", ("knative-scaling",)) not in bundles.singles()
    together = {components for _, components in bundles.pairs()}
    assert {("keda", "tracing", "monitoring"), ("monitoring", "tracing", "keda")} <= together
    assert together.isdisjoint({("tracing", "verify"), ("keda", "knative-scaling")})
    assert ("overlays/gpu", ("keda", "tracing")) in bundles.full()
    assert ("overlays/gpu", ("keda", "verify")) in bundles.full()


@pytest.mark.parametrize("overlay", bundles.OVERLAYS)
def test_any_two_components_that_fit_are_together_in_a_full_stack(overlay: str) -> None:
    fitting = [each for each in bundles.COMPONENTS if overlay in bundles.hosts(each)]
    pairs = {frozenset(pair) for pair in combinations(fitting, 2) if bundles.fits(pair)}
    together = [components for where, components in bundles.full() if where == overlay]
    assert {frozenset(pair) for each in together for pair in combinations(each, 2)} == pairs
    assert all(bundles.fits(each) for each in together)


def test_the_few_stacks_have_every_overlay_and_every_component() -> None:
    few = bundles.few()
    assert {overlay for overlay, _ in few} == set(bundles.OVERLAYS)
    assert {each for _, components in few for each in components} == set(bundles.COMPONENTS)
    assert set(few) < set(bundles.full())
