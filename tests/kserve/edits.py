"""Mutated manifests: an object with some of its values changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def edited(manifest: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with values changed.

    Args:
        manifest: the object.
        edits: where -> the new value, None to remove it. A place is written with spaces, since
            annotations have dots and slashes: ``spec predictor model env 0 name``. Mappings on
            the way are made where there are none; ``+`` appends to a list.
    """
    result: dict[str, Any] = copy.deepcopy(dict(manifest))
    for place, value in edits.items():
        *way, last = place.split()
        node: Any = result
        for step in way:
            node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
        if isinstance(node, list):
            if last == "+":
                node.append(copy.deepcopy(value))
            else:
                node[int(last)] = copy.deepcopy(value)
        elif value is None:
            del node[last]
        else:
            node[last] = copy.deepcopy(value)
    return result
