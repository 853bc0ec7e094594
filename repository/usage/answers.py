"""Compares an answer with the one that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from repository.arrays import Array, Arrays, DType
from repository.findings import shortened
from repository.usage import Answer, Numbers, Texts
from repository.usage.tensors import ServedTensor, array_of


def difference(answer: Answer, found: Arrays) -> str | None:
    """Where an answer differs from the known one, in words; None if it does not.

    Args:
        answer: the known one.
        found: the outputs by name; texts are bytes.
    """
    for name, known in answer.items():
        output = found.get(name)
        if output is None:
            return f"{name}, expected such an output, found {', '.join(found) or 'none'}"
        told = _texts(known, output) if isinstance(known, Texts) else _numbers(known, output)
        if told is not None:
            return f"{name}{told}"
    return None


def texts_of(known: Texts) -> tuple[str, ...]:
    """The texts that are known."""
    if isinstance(known.expected, Path):
        return tuple(known.expected.read_text("utf-8").splitlines())
    return tuple(known.expected)


def _texts(known: Texts, output: Array) -> str | None:
    try:
        expected = texts_of(known)
    except (OSError, UnicodeDecodeError) as problem:
        return f" cannot be compared, as what it should be is unfit: {problem}"
    found = [_text(each) for each in output.reshape(-1).tolist()]
    for number, text in enumerate(expected):
        if number >= len(found):
            return f"[{number}], expected {shortened(text)!r}, found nothing"
        if found[number] != text:
            return f"[{number}], expected {shortened(text)!r}, found {shortened(found[number])!r}"
    if len(found) > len(expected):
        return f", expected {len(expected)} elements, found {len(found)}"
    return None


def _text(element: object) -> str:
    return element.decode("utf-8", "replace") if isinstance(element, bytes) else str(element)


def _numbers(known: Numbers, output: Array) -> str | None:
    if output.dtype.kind not in "biuf":
        return ", expected numbers, found texts"
    # What is declared without the batch's axis gets it.
    any_shape = (-1,) * output.ndim
    tensor = ServedTensor(
        "expected", DType.from_numpy(output.dtype), any_shape, batches=output.ndim > 0
    )
    try:
        expected = array_of(known.expected, tensor)
    except (ValueError, OSError) as problem:
        return f" cannot be compared, as what it should be is unfit: {problem}"
    if expected.shape != output.shape:
        return f", expected the shape {list(expected.shape)}, found {list(output.shape)}"
    wide = [each.astype(np.float64) for each in (expected, output)]
    with np.errstate(invalid="ignore"):
        share = known.relative * np.abs(wide[0]) if known.relative else np.zeros(output.shape)
        allowed = known.absolute + share
        # Written so that NaN, which no comparison holds for, differs from all but NaN.
        near = (np.abs(wide[0] - wide[1]) <= allowed) | (wide[0] == wide[1])
    differing = np.argwhere(~(near | (np.isnan(wide[0]) & np.isnan(wide[1]))))
    if not len(differing):
        return None
    at = tuple(map(int, differing[0]))
    margin = f" within {_brief(allowed[at])}" if allowed[at] else ""
    several = f"; {len(differing)} of {output.size} values differ" if len(differing) > 1 else ""
    place = "".join(f"[{each}]" for each in at)
    return f"{place}, expected {_brief(expected[at])}{margin}, found {_brief(output[at])}{several}"


def _brief(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, np.floating | float) else str(value)
