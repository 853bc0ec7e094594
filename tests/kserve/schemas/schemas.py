"""Every object against the schema of its kind: a CRD's, or a built-in kind's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import kubernetes_validate
from kubernetes_validate import utils

from tests.kserve.schemas import crds
from tests.kserve.schemas.structural import TYPE_META, Schema, defaulted, mistakes, strict

KUBERNETES = "1.34"
"""The release whose built-in kinds are meant: the oldest that docs/deploy names."""

BUILT_IN = frozenset(
    {
        "v1",
        "apps/v1",
        "autoscaling/v2",
        "batch/v1",
        "networking.k8s.io/v1",
        "policy/v1",
        "resource.k8s.io/v1",
        "rbac.authorization.k8s.io/v1",
        "scheduling.k8s.io/v1",
        "storage.k8s.io/v1",
    }
)
"""The API versions of Kubernetes itself that manifests may use.

kubernetes-validate looks for a schema by the first word of the group alone, so that
``networking.istio.io/v1`` would be taken for ``networking.k8s.io/v1``.
"""


# It reads a megabyte of definitions for each object; once a session is enough.
utils.schema_contents = cache(utils.schema_contents)


def problems(manifest: Mapping[str, Any]) -> list[str]:
    """What the API server's schemas refuse of an object, each with where and why."""
    return list(_problems(json.dumps(manifest, sort_keys=True)))


@cache
def _problems(text: str) -> tuple[str, ...]:
    manifest = json.loads(text)
    return tuple(f"{label(manifest)}: {each}" for each in _refusals(manifest))


def label(manifest: Mapping[str, Any]) -> str:
    """``Kind/name`` of an object, for messages."""
    name = (manifest.get("metadata") or {}).get("name", "?")
    return f"{manifest.get('kind', '?')}/{name}"


def group_kind(manifest: Mapping[str, Any]) -> str:
    """``<group>/<Kind>`` of an object, the group empty for the core kinds."""
    group = str(manifest["apiVersion"]).rpartition("/")[0]
    return f"{group}/{manifest['kind']}"


def _refusals(manifest: Mapping[str, Any]) -> Iterator[str]:
    if absent := [key for key in ("apiVersion", "kind", "metadata") if not manifest.get(key)]:
        yield f"{absent[0]}: expected on every object, found none"
    elif group_kind(manifest) in crds.locked():
        yield from _custom(manifest)
    elif manifest["apiVersion"] in BUILT_IN:
        yield from _built_in(manifest)
    else:
        yield (
            f"apiVersion {manifest['apiVersion']}, kind {manifest['kind']}: no schema. Add its "
            "CRD to kserve/crds.lock.yaml, or its API version to BUILT_IN."
        )


def _built_in(manifest: Mapping[str, Any]) -> Iterator[str]:
    try:
        kubernetes_validate.validate(dict(manifest), KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
    except kubernetes_validate.SchemaNotFoundError as error:
        yield error.message


def structural_schema(manifest: Mapping[str, Any]) -> Schema | None:
    """The schema that a CRD gives an object's kind and version, or None for a built-in kind.

    Raises:
        LookupError: the CRD does not serve that version.
    """
    crd = crds.locked().get(group_kind(manifest))
    if crd is None:
        return None
    version = str(manifest["apiVersion"]).rpartition("/")[2]
    schema = _versions(crd).get(version)
    if schema is None:
        served = ", ".join(_versions(crd))
        raise LookupError(f"version {version} is not served; served are {served}")
    return schema


@cache
def _versions(crd: crds.Crd) -> dict[str, Schema]:
    versions = crds.definition(crd, crds.folder())["spec"]["versions"]
    return {each["name"]: each["schema"]["openAPIV3Schema"] for each in versions if each["served"]}


@cache
def _strict(crd: crds.Crd, version: str) -> Schema:
    schema = strict(_versions(crd)[version])
    schema["properties"] = {**schema["properties"], **TYPE_META, "metadata": {}}
    return schema


def _custom(manifest: Mapping[str, Any]) -> Iterator[str]:
    try:
        schema = structural_schema(manifest)
    except LookupError as error:
        yield str(error)
        return
    assert schema is not None
    version = str(manifest["apiVersion"]).rpartition("/")[2]
    checked = _strict(crds.locked()[group_kind(manifest)], version)
    for place, why in mistakes(defaulted(manifest, schema), checked):
        yield f"{place}: {why}"
    # Metadata is the same for every kind; a ConfigMap has nothing else that could be wrong.
    bearer = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifest["metadata"]}
    yield from _built_in(bearer)
