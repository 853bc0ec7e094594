"""Stages that follow each other, run in turn in one process; copied among the stages of a model.

``fused.json`` beside the model says which, and how tensors flow between them. What one stage gives
reaches the next as it would have by Triton: in the declared type, and texts as bytes.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Arrays = Mapping[str, Any]

FLOW = "fused.json"
"""The file in the version folder: see :func:`prepare`."""


def prepare(folder: Path, parameters: Mapping[str, str]) -> Callable[[Arrays], dict[str, Any]]:
    """The stages as one.

    Args:
        folder: the version folder. Its file :data:`FLOW` has ``outputs``, the tensors to give, and
            ``steps`` in running order, each with ``model``, ``stage``, ``inputs`` (the stage's own
            name -> the tensor that it reads) and ``outputs`` (its own name -> the tensor that it
            writes, and its numpy type).
        parameters: those of the stage of a model are named ``<model>.<parameter>``.
    """
    flow = json.loads((folder / FLOW).read_text("utf-8"))
    package = __name__.rpartition(".")[0]
    steps = []
    for number, step in enumerate(flow["steps"]):
        stage = importlib.import_module(f"{package}.{step['stage']}")
        prefix = f"{step['model']}."
        own = {
            name[len(prefix) :]: value
            for name, value in parameters.items()
            if name.startswith(prefix)
        }
        later = {name for each in flow["steps"][number + 1 :] for name in each["inputs"].values()}
        steps.append((stage.prepare(folder, own), step, later.union(flow["outputs"])))

    def run(inputs: Arrays) -> dict[str, Any]:
        tensors = dict(inputs)
        for stage, step, later in steps:
            given = _given(step["inputs"].items(), tensors, later)
            found = stage(given)
            for name, (target, dtype) in step["outputs"].items():
                tensors[target] = _as_sent(found[name], dtype)
        return {name: tensors[name] for name in flow["outputs"]}

    return run


def _given(
    names: Iterable[tuple[str, str]], tensors: Mapping[str, Any], later: set[str]
) -> dict[str, Any]:
    """A stage's inputs. What is read again afterwards cannot be written to."""
    given = {}
    for name, source in names:
        if source not in tensors:  # an optional input that the request left out
            continue
        given[name] = tensors[source]
        if source in later:
            given[name] = given[name].view()
            given[name].flags.writeable = False
    return given


def _as_sent(found: Any, dtype: str) -> Any:
    """An array as the next model would get it from Triton."""
    if dtype != "object":
        return np.ascontiguousarray(found, dtype=dtype)
    texts = [
        each.encode("utf-8") if isinstance(each, str) else each
        for each in np.asarray(found, np.object_).ravel().tolist()
    ]
    made = np.empty(len(texts), np.object_)
    made[:] = texts
    return made.reshape(np.shape(found))
