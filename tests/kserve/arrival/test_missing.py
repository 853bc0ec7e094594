"""A Secret or ConfigMap that is not there holds the pod back; nothing serves without it.

What is then seen is the kubelet's: ``CreateContainerConfigError: secret "…" not found``, and for a
volume ``FailedMount``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kserve.render import Object, shipped

REFERENCES = {
    "secretKeyRef": "name",
    "secretRef": "name",
    "configMapKeyRef": "name",
    "configMapRef": "name",
    "configMap": "name",
    "secret": "secretName",
}
ADMIN = {"triton-admin"}
STORE, KEY = ADMIN | {"object-store"}, ADMIN | {"model-signing"}


def references(node: object) -> Iterator[tuple[str, Any]]:
    """Every Secret and ConfigMap that is named -> whether it may be missing."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in REFERENCES and isinstance(value, dict):
                yield value[REFERENCES[key]], value.get("optional", False)
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize(
    ("components", "names"),
    [
        ((), ADMIN),
        (("verify",), KEY | STORE),
        (("object-store",), STORE),
        (("object-store", "verify"), KEY | STORE),
    ],
)
def test_nothing_that_guards_may_be_missing(components: tuple[str, ...], names: set[str]) -> None:
    objects: list[Object] = shipped("overlays/local-cpu", components=components)
    found = dict(references([each["spec"] for each in objects if "spec" in each]))
    assert found == dict.fromkeys(names, False)
