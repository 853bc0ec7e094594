"""Requests as the JSON that ``--input-data`` reads.

perf_analyzer checks sizes, not datatypes: four bytes of INT32 would be sent as FP32. So requests
are compared with the model here. Contents are base64 of the tensor's bytes for every datatype,
BYTES included, so that no number is printed and read again and no string need be UTF-8; only an
empty tensor is a list, because perf_analyzer 2.51 crashes on empty base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tritonclient.utils import np_to_triton_dtype

from perf.errors import LegFailed
from perf.measure.analyzer.model import Model
from perf.measure.regions import content_of

Request = Mapping[str, np.ndarray]
"""Input name -> array, with the batch axis where the model has one."""


def write(requests: Sequence[Request], model: Model, path: Path) -> int:
    """Writes the requests; perf_analyzer goes through them over and over.

    Args:
        requests: at least one.
        model: whose they are.
        path: of the JSON file.

    Returns:
        the batch size to give to perf_analyzer; 1 for a model without batches.

    Raises:
        LegFailed: the model does not take them, or perf_analyzer cannot send them.
    """
    if not requests:
        raise LegFailed(f"there is no request to send to '{model.name}'; give at least one")
    for number, request in enumerate(requests):
        _check(number, request, model)
    batch = 1
    if model.batches:
        sizes = {len(array) for request in requests for array in request.values()}
        if len(sizes) != 1:
            raise LegFailed(
                f"perf_analyzer sends batches of one size, and those of '{model.name}' have "
                f"{' and '.join(map(str, sorted(sizes)))} rows; give each the same number"
            )
        (batch,) = sizes
    # It takes a batch from as many entries, one after the other.
    entries: list[dict[str, Any]] = [
        {name: _entry(array[row] if model.batches else array) for name, array in request.items()}
        for request in requests
        for row in range(batch)
    ]
    path.write_text(json.dumps({"data": entries}))
    return batch


def _entry(array: np.ndarray) -> dict[str, Any]:
    shape = list(array.shape)
    if not array.size:
        return {"content": [], "shape": shape}
    return {"b64": base64.b64encode(content_of(array)).decode(), "shape": shape}


def _check(number: int, request: Request, model: Model) -> None:
    """Raises LegFailed if the model does not take a request."""
    which = f"request {number + 1} of '{model.name}'"
    for name, array in request.items():
        if name not in model.inputs:
            raise LegFailed(f"{which} has an input '{name}'; expected {', '.join(model.inputs)}")
        datatype = np_to_triton_dtype(array.dtype)
        expected = model.inputs[name].datatype
        if datatype != expected:
            raise LegFailed(
                f"{which}: input '{name}' is {datatype or array.dtype}, expected {expected}"
            )
        if model.batches and not array.ndim:
            raise LegFailed(f"{which}: input '{name}' has no batch axis; add one in front")
    missing = [n for n, each in model.inputs.items() if n not in request and not each.optional]
    if missing:
        raise LegFailed(f"{which} lacks {' and '.join(missing)}; give a value")


def left_out(requests: Sequence[Request], model: Model) -> list[str]:
    """The optional inputs that some request does not have."""
    return [name for name in model.inputs if not all(name in request for request in requests)]
