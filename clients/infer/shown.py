"""Tensors as text that a person reads: never more than a screen."""

from __future__ import annotations

import json

import numpy as np

from clients.infer.client import Answer
from clients.infer.served import ServedModel
from repository.arrays import Array
from repository.findings import printable

ROWS = 6
"""Rows of a tensor that are shown, where it has more than two more."""

PIPE = 80
"""Columns of a line where no terminal says otherwise."""

_GAP = "  "
_MORE = "…"


def shown(name: str, dtype: str, array: Array, width: int) -> tuple[list[str], bool]:
    """A tensor: a line about it, and its values or the first of them.

    Args:
        name: the tensor's.
        dtype: its data type, in words.
        array: its values.
        width: columns that a line may have.

    Returns:
        The lines, and whether they leave values out.
    """
    told = f"{printable(name)}  {dtype} {list(array.shape)}"
    if not array.size:
        return [f"{told}  no values"], False
    # A column of numbers is shown as a row.
    rows = array.reshape(-1, array.shape[-1] if array.ndim and array.shape[-1] > 1 else array.size)
    # Texts stand below each other, each in a line of its own.
    if array.dtype == np.object_:
        rows = rows.reshape(-1, 1)
    places = _places(array, len(rows))
    kept = len(rows) if len(rows) <= ROWS + 2 else ROWS
    label = max(map(len, places[:kept]))
    cells, cut = _cells(rows[:kept], width - len(_GAP) - (label + len(_GAP) if label else 0))
    lines = [told]
    for place, cell in zip(places, cells, strict=False):
        lines.append(_GAP + (f"{place:{label}}{_GAP}" if label else "") + cell)
    if kept < len(rows):
        lines.append(f"{_GAP}{_MORE} {len(rows) - kept:,} more rows")
    shortened = cut or kept < len(rows)
    if shortened and array.dtype.kind in "fiu":
        lines[0] += _statistics(array)
    return lines, shortened


def _places(array: Array, count: int) -> list[str]:
    """Where each row is, as ``[0, 2]``; nothing if there is one row alone."""
    if count == 1:
        return [""]
    axes = array.shape if array.dtype == np.object_ else array.shape[:-1]
    first = range(min(count, ROWS + 2))
    return [str([int(each) for each in np.unravel_index(row, axes)]) for row in first]


def _cells(rows: Array, width: int) -> tuple[list[str], bool]:
    """The rows' values in columns, as many as the width has place for, and whether some are not."""
    if rows.dtype == np.object_:
        texts = [[_text(value)] for value in rows[:, 0].tolist()]
    else:
        # A column takes two characters at least.
        texts = [[_number(value) for value in row[: width // 2]] for row in rows]
    column = max(len(text) for row in texts for text in row)
    if rows.dtype == np.object_:
        cut = column > width
        return [_fit(row[0], width) for row in texts], cut
    total = rows.shape[1]
    fitting = max((width + len(_GAP)) // (column + len(_GAP)), 1)
    if fitting < total:
        fitting = max((width - len(_MORE)) // (column + len(_GAP)), 1)
    lines = []
    for row in texts:
        line = _GAP.join(f"{text:>{column}}" for text in row[:fitting])
        lines.append(line + (_GAP + _MORE if fitting < total else ""))
    return lines, fitting < total


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 1)] + _MORE


def _number(value: np.generic) -> str:
    if value.dtype.kind == "b":
        return "true" if value else "false"
    if value.dtype.kind == "f":
        return f"{float(value):.5g}"
    return str(value)


def _text(value: bytes) -> str:
    """A text in quotes; bytes that are not text in hexadecimal digits."""
    try:
        return printable(json.dumps(value.decode(), ensure_ascii=False))
    except UnicodeDecodeError:
        return f"{len(value):,} bytes: {value[:32].hex(' ')}{_MORE if len(value) > 32 else ''}"


def _statistics(array: Array) -> str:
    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    parts = []
    if finite.size:
        parts = [
            f"{word} {value:.4g}"
            for word, value in (
                ("min", finite.min()),
                ("mean", finite.mean()),
                ("max", finite.max()),
            )
        ]
    for word, count in (("NaN", np.isnan(numbers).sum()), ("infinite", np.isinf(numbers).sum())):
        if count:
            parts.append(f"{count:,} {word}")
    return "".join(f"{_GAP}{part}" for part in parts)


def outputs_of(model: ServedModel, answer: Answer) -> list[tuple[str, str, Array]]:
    """The outputs of an answer, in the model's order: name, data type, values."""
    return [(each.name, str(each.dtype), answer.outputs[each.name]) for each in model.outputs]


def lines_of(model: ServedModel, answer: Answer, width: int) -> tuple[list[str], bool]:
    """The outputs of an answer with an empty line between; as :func:`shown`."""
    lines: list[str] = []
    shortened = False
    for name, dtype, array in outputs_of(model, answer):
        told, cut = shown(name, dtype, array, width)
        lines += [""] * bool(lines) + told
        shortened |= cut
    return lines, shortened
