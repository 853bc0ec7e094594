"""Every rule refuses a mutated manifest, and accepts the one that was mutated."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.kserve.cluster import webhooks
from tests.kserve.cluster.webhooks.bundle import Bundle
from tests.kserve.cluster.webhooks.mutations import MUTATIONS, UPDATES
from tests.kserve.cluster.webhooks.rule import RULES, UPDATE_RULES, breaches, update_breaches
from tests.kserve.cluster.webhooks.triton.repository import BUILT, kinds, stray, without_version
from tests.kserve.edits import edited
from tests.kserve.schemas import cel, crds, schemas

Object = dict[str, Any]
Place = tuple[str, int]

TEXT = (Path(webhooks.__file__).parent / "accepted.yaml").read_text(encoding="utf-8")
ACCEPTED: dict[str, Object] = {schemas.label(each): each for each in yaml.safe_load_all(TEXT)}


def test_what_is_mutated_is_accepted() -> None:
    assert breaches(ACCEPTED.values()) == {}
    for name, manifest in ACCEPTED.items():
        if schemas.group_kind(manifest) in crds.locked():
            assert schemas.problems(manifest) == []
            schema = schemas.structural_schema(manifest)
            assert schema is not None
            assert list(cel.refusals(manifest, schema)) == [], name


@pytest.mark.parametrize(("rule", "name", "edits"), MUTATIONS)
def test_a_rule_refuses_a_mutated_manifest(rule: str, name: str, edits: Object) -> None:
    objects = {**ACCEPTED, name: edited(ACCEPTED[name], edits)}
    assert rule in breaches(objects.values())


def stored(name: str) -> Object:
    """An accepted object as the API server has it, with what its controller adds."""
    old = copy.deepcopy(ACCEPTED[name])
    if name.startswith("InferenceService/"):
        old["status"] = {"deploymentMode": "Standard"}
    return old


@pytest.mark.parametrize(("rule", "name", "edits", "accepted"), UPDATES)
def test_a_rule_refuses_an_update(rule: str, name: str, edits: Object, accepted: Object) -> None:
    old = stored(name)
    assert update_breaches(old, edited(old, accepted)) == {}
    assert rule in update_breaches(old, edited(old, edits))


def test_every_rule_has_a_mutation_and_a_source() -> None:
    assert {rule for rule, _, _ in MUTATIONS} == RULES.keys()
    assert {rule for rule, *_ in UPDATES} == UPDATE_RULES.keys()
    assert all(each.source for each in RULES.values())
    assert all(each.source for each in UPDATE_RULES.values())


def test_every_sentence_of_every_rule_is_said_by_a_mutation() -> None:
    """A rule with two conditions has a mutation for each."""
    said: set[Place] = set()
    for name, manifest, edits in MUTATIONS:
        bundle = Bundle({**ACCEPTED, manifest: edited(ACCEPTED[manifest], edits)}.values())
        for each in bundle.objects:
            if not RULES[name].kinds or each["kind"] in RULES[name].kinds:
                said |= {*places(RULES[name].check(each, bundle))}
    for name, manifest, edits, _ in UPDATES:
        old = stored(manifest)
        said |= {*places(UPDATE_RULES[name].compare(old, edited(old, edits)))}
    written = {place for module in webhooks.MODULES for place in sentences(module)}
    assert len(written) > len(RULES)
    unsaid = [f"{Path(file).name}:{line}" for file, line in sorted(written - said)]
    assert unsaid == []
    assert said <= written


def sentences(module: ModuleType) -> Iterator[Place]:
    """Where a module's rules yield text; its helpers yield other things."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Yield) and isinstance(node.value, (ast.JoinedStr, ast.Constant)):
            yield str(module.__file__), node.lineno


def places(check: Iterator[str]) -> Iterator[Place]:
    """Where each sentence of a rule is yielded, in the innermost generator."""
    for _ in check:
        inner: Any = check
        while inner.gi_yieldfrom is not None:
            inner = inner.gi_yieldfrom
        yield inner.gi_code.co_filename, inner.gi_frame.f_lineno


def test_the_seventeen_rules_are_there() -> None:
    """Rules 2 and 3 are of the repository's files, all others of manifests."""
    numbers = {int(name.split()[0]) for name in RULES if name[0].isdigit()}
    assert numbers == set(range(1, 18)) - {2, 3}


def test_a_model_without_a_version_and_a_stray_folder_are_found(tmp_path: Path) -> None:
    for name in ("empty", "good", "missing"):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "config.pbtxt").touch()
    (tmp_path / "good/1/README").write_text("An ensemble has no file of its own.")
    (tmp_path / "empty/1/README").touch()
    (tmp_path / "missing/1").rmdir()
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "manifest.json").touch()
    assert list(without_version(tmp_path)) == ["empty", "missing"]
    assert list(stray(tmp_path)) == ["tokenizer"]


def test_the_built_repository_is_one_that_kserve_can_bring() -> None:
    assert kinds()
    assert list(without_version(BUILT)) == []
    assert list(stray(BUILT)) == []
