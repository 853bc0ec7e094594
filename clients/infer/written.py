"""Tensors for other programs: JSON, and numpy's ``.npz``."""

from __future__ import annotations

import base64
import io
import json
import math
import zipfile
from typing import Any

import numpy as np

from clients.errors import ClientError
from clients.infer.client import Answer
from clients.infer.fit import BASE64
from clients.infer.served import ServedModel
from clients.infer.shown import outputs_of
from repository.arrays import Array, Arrays


class NotWritten(ClientError):
    """A tensor that a format has no place for."""


def as_document(model: ServedModel, answer: Answer) -> str:
    """An answer as the KServe v2 protocol writes it: model_name, model_version, outputs.

    Each output has name, datatype, shape and data, which is lists in lists. ``NaN`` and
    ``Infinity`` are texts; bytes that are no UTF-8 are an object whose key ``b64`` has them in
    base64.
    """
    outputs = [
        {
            "name": name,
            "datatype": dtype,
            "shape": list(array.shape),
            "data": _value(array.tolist()),
        }
        for name, dtype, array in outputs_of(model, answer)
    ]
    document = {"model_name": model.name, "model_version": answer.version, "outputs": outputs}
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(each) for each in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {BASE64: base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def as_npz(arrays: Arrays) -> bytes:
    """Tensors as :func:`numpy.load` reads them, without pickle.

    Texts become an array of ``str``, or of ``bytes`` where one is no UTF-8.

    Raises:
        NotWritten: a text ends in a zero byte, which numpy leaves out.
    """
    written = io.BytesIO()
    # numpy.savez takes no array that is called "file".
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            plain = _texts(name, array) if array.dtype == np.object_ else array
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, plain, allow_pickle=False)
    return written.getvalue()


def _texts(name: str, array: Array) -> Array:
    values = [bytes(each) for each in array.ravel().tolist()]
    if any(each.endswith(b"\0") for each in values):
        raise NotWritten(
            f"output '{name}': expected texts that an .npz can hold, found one that ends in a "
            "zero byte. Print the answer as JSON instead."
        )
    try:
        return np.array([each.decode() for each in values], np.str_).reshape(array.shape)
    except UnicodeDecodeError:
        return np.array(values, np.bytes_).reshape(array.shape)
