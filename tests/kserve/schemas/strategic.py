"""Strategic merge of parts of a pod, as KServe lays a service over its runtime.

kserve v0.20.0 pkg/utils/utils.go MergeContainerWithPatch and
pkg/controller/v1beta1/inferenceservice/utils/utils.go MergePodSpec call apimachinery's
StrategicMergePatch; the keys are the ``patchMergeKey`` of k8s.io/api core/v1 types.go.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

KEYS = {
    "containers": "name",
    "env": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "resourceClaims": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""Lists that are merged item by item -> what tells items apart; any other list is replaced."""


def merged(base: Any, patch: Any, name: str = "") -> Any:
    """A copy of ``base`` with ``patch`` laid over; ``name`` is the field that both stand in."""
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        result = copy.deepcopy(dict(base))
        for key, value in patch.items():
            result[key] = merged(base[key], value, key) if key in base else copy.deepcopy(value)
        return result
    if isinstance(base, list) and isinstance(patch, list) and name in KEYS:
        key = KEYS[name]
        items = {each[key]: each for each in base}
        for each in patch:
            there = items.get(each[key])
            items[each[key]] = merged(there, each) if there else copy.deepcopy(each)
        return list(items.values())
    return copy.deepcopy(patch)
