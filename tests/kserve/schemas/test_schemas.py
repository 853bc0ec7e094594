"""The schemas refuse what the API server refuses: each rule of structural schemas by a mistake."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.kserve.schemas.schemas import problems
from tests.kserve.schemas.structural import defaulted, mistakes, strict

Object = dict[str, Any]

SCHEMA: Object = {
    "type": "object",
    "required": ["name", "mode"],
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-z]+$", "maxLength": 5},
        "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "count": {"type": "integer", "format": "int32", "minimum": 0, "exclusiveMinimum": True},
        "port": {"x-kubernetes-int-or-string": True},
        "wait": {"type": "string", "format": "duration"},
        "since": {"type": "string", "format": "date-time"},
        "maybe": {"type": "string", "nullable": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "empty": {"type": "object"},
        "template": {"type": "object", "x-kubernetes-embedded-resource": True},
        "unique": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["number", "protocol"],
            "items": {
                "type": "object",
                "required": ["number", "protocol"],
                "properties": {
                    "number": {"type": "integer"},
                    "protocol": {"type": "string", "default": "TCP"},
                },
            },
        },
    },
}

GOOD: Object = {
    "name": "abc",
    "count": 3,
    "port": "http",
    "wait": "1h2.5m",
    "since": "2026-01-02T03:04:05Z",
    "maybe": None,
    "labels": {"any": "thing"},
    "free": {"any": [1, None]},
    "template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}},
    "unique": ["a", "b"],
    "ports": [{"number": 1}, {"number": 1, "protocol": "UDP"}, {"number": 2}],
}

BAD = [
    ("unknown", 1, "unknown"),
    ("name", "ABC", "does not match"),
    ("name", "abc\n", "does not match"),
    ("name", "abcdef", "too long"),
    ("name", None, "not of type 'string'"),
    ("mode", "c", "not one of"),
    ("count", 0, "minimum"),
    ("count", 2**31, "int32"),
    ("count", "3", "not of type 'integer'"),
    ("port", 1.5, "not of type 'integer', 'string'"),
    ("wait", "1 hour", "duration"),
    ("since", "yesterday", "date-time"),
    ("since", "2026-01-02T03:04:05", "date-time"),
    ("maybe", 1, "not of type 'string'"),
    ("labels", {"any": 1}, "not of type 'string'"),
    ("empty", {"any": 1}, "any"),
    ("template", {"kind": "Pod", "metadata": {}}, "apiVersion"),
    ("unique", ["a", "a"], "more than once"),
    ("ports", [{"number": 1}, {"number": 1, "protocol": "TCP"}], "more than once"),
    ("ports", [{"protocol": "TCP"}], "'number' is a required property"),
]


def found(value: Object) -> str:
    return "\n".join(map(": ".join, mistakes(defaulted(value, SCHEMA), strict(SCHEMA))))


def test_what_the_schema_allows_passes() -> None:
    before = copy.deepcopy(GOOD)
    assert found(GOOD) == ""
    assert before == GOOD
    assert defaulted({"name": "a", "mode": None}, SCHEMA)["mode"] == "a"


@pytest.mark.parametrize(("field", "value", "says"), BAD)
def test_each_mistake_is_refused(field: str, value: object, says: str) -> None:
    assert says in found({**GOOD, field: value})


SERVICE: Object = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "a", "namespace": "b"},
    "spec": {"predictor": {"model": {"modelFormat": {"name": "triton"}}}},
}
CLAIM: Object = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "a"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}

MUTATIONS: dict[str, tuple[Object, Callable[[Object], Any], str]] = {
    "a field of a custom kind": (
        SERVICE,
        lambda o: o["spec"]["predictor"].update(replicas=1),
        "'replicas' was unexpected",
    ),
    "a field of metadata": (
        SERVICE,
        lambda o: o["metadata"].update(annotation={}),
        "'annotation' was unexpected",
    ),
    "a label that is no string": (
        SERVICE,
        lambda o: o["metadata"].update(labels={"a": 1}),
        "not of type",
    ),
    "a version that is not served": (
        SERVICE,
        lambda o: o.update(apiVersion="serving.kserve.io/v1"),
        "served are v1beta1",
    ),
    "a custom kind without a schema": (
        SERVICE,
        lambda o: o.update(kind="InferenceServices"),
        "no schema",
    ),
    "a group like a built-in one": (
        CLAIM,
        lambda o: o.update(apiVersion="networking.istio.io/v1"),
        "no schema",
    ),
    "a field of a built-in kind": (
        CLAIM,
        lambda o: o["spec"].update(storage="1Gi"),
        "'storage' was unexpected",
    ),
    "an unknown built-in kind": (CLAIM, lambda o: o.update(kind="Claim"), "Couldn't find schema"),
    "no metadata": (CLAIM, lambda o: o.pop("metadata"), "metadata: expected"),
    "no apiVersion": (CLAIM, lambda o: o.pop("apiVersion"), "apiVersion: expected"),
}


@pytest.mark.parametrize(("manifest", "mutate", "says"), MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_mutated_object_is_refused(
    manifest: Object, mutate: Callable[[Object], Any], says: str
) -> None:
    assert problems(manifest) == []
    changed = copy.deepcopy(manifest)
    mutate(changed)
    assert says in "\n".join(problems(changed))
