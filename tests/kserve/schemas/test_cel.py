"""CEL rules: every one of the locked CRDs can be run, and those that we meet refuse mistakes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.kserve.edits import edited
from tests.kserve.schemas import cel, crds, schemas
from tests.kserve.schemas.cel_cases import REFUSED, UPDATES

Object = dict[str, Any]

CANNOT_RUN: frozenset[str] = frozenset()
"""The rules with functions that the evaluator lacks; what they demand is then not held true."""


def _schema(manifest: Object) -> Object:
    schema = schemas.structural_schema(manifest)
    assert schema is not None
    return schema


def _all_rules() -> dict[str, set[str]]:
    """Every rule of every served version in the lock -> where it stands."""
    found: dict[str, set[str]] = {}
    for kind, crd in crds.locked().items():
        for version in crds.definition(crd, crds.folder())["spec"]["versions"]:
            for rule in cel.rules(version["schema"]["openAPIV3Schema"]):
                found.setdefault(rule.text, set()).add(f"{kind} {rule.path}")
    return found


@pytest.mark.thorough
def test_every_rule_can_be_run_but_those_that_are_named() -> None:
    rules = _all_rules()
    assert len(rules) > 50
    found = {text: cel.unknown_functions(text) for text in rules}
    cannot = {text: (names, rules[text]) for text, names in found.items() if names}
    assert cannot.keys() == CANNOT_RUN, cannot


def test_a_rule_with_an_unknown_function_is_noticed() -> None:
    assert cel.unknown_functions("quantity(self.a).isGreaterThan(quantity('1Gi'))") == {
        "quantity",
        "isGreaterThan",
    }
    assert cel.unknown_functions("self.all(x, has(x.a) && size(x.a) > 1)") == set()


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("manifest", "edits", "says"), REFUSED)
def test_a_rule_refuses_its_mistake(manifest: Object, edits: dict[str, Any], says: str) -> None:
    assert [rule.text for rule, _ in cel.refusals(manifest, _schema(manifest))] == []
    changed = edited(manifest, edits)
    refused = {rule.message for rule, _ in cel.refusals(changed, _schema(manifest))}
    assert any(says.lower() in message.lower() for message in refused), refused


@pytest.mark.parametrize(("manifest", "accepted", "refused"), UPDATES)
def test_a_transition_rule_tells_updates_apart(
    manifest: Object, accepted: dict[str, Any], refused: dict[str, Any]
) -> None:
    schema = _schema(manifest)
    assert list(cel.refusals(edited(manifest, accepted), schema, manifest)) == []
    assert list(cel.refusals(edited(manifest, refused), schema)) == []
    assert list(cel.refusals(edited(manifest, refused), schema, manifest))


def test_every_transition_rule_has_a_pair() -> None:
    texts = {text for text in _all_rules() if cel.Rule("", text, "").is_transition}
    tried = {
        rule.text
        for manifest, _, edits in UPDATES
        for rule, _ in cel.refusals(edited(manifest, edits), _schema(manifest), manifest)
    }
    assert texts == tried


SCHEMA: Object = {
    "type": "object",
    "x-kubernetes-validations": [{"rule": "self.__namespace__ != 'x' || self.a__dash__b == 1"}],
    "properties": {
        "namespace": {"type": "string"},
        "a-b": {"type": "integer", "default": 1},
        "wait": {
            "type": "string",
            "format": "duration",
            "x-kubernetes-validations": [{"rule": "self <= duration('1m')"}],
        },
        "map": {
            "type": "object",
            "additionalProperties": {
                "type": "integer",
                "x-kubernetes-validations": [{"rule": "self >= oldSelf"}],
            },
        },
        "list": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {
                "type": "object",
                "properties": {
                    "k": {"type": "string"},
                    "v": {
                        "type": "integer",
                        "x-kubernetes-validations": [{"rule": "self == oldSelf"}],
                    },
                },
            },
        },
    },
}
OLD = {"map": {"a": 2}, "list": [{"k": "x", "v": 1}, {"k": "y", "v": 2}]}


@pytest.mark.parametrize(
    ("new", "where"),
    [
        ({"namespace": "x"}, []),
        ({"namespace": "x", "a-b": 2}, [""]),
        ({"namespace": "y", "wait": "61s"}, ["wait"]),
        ({"namespace": "y", "map": {"a": 1, "b": 0}}, ["map.a"]),
        ({"namespace": "y", "list": [{"k": "y", "v": 2}, {"k": "z", "v": 3}]}, []),
        ({"namespace": "y", "list": [{"k": "y", "v": 1}]}, ["list[0].v"]),
        ({}, []),
        ({"a-b": 2}, [""]),
    ],
)
def test_rules_see_values_as_on_the_api_server(new: Object, where: list[str]) -> None:
    before = copy.deepcopy(OLD)
    assert [place for _, place in cel.refusals(new, SCHEMA, OLD)] == where
    assert before == OLD
