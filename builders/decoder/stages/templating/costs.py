"""What a template's operations cost, taken before they are done, and what is not done at all."""

from __future__ import annotations

import re
import string
from typing import Any

from jinja2.exceptions import SecurityError

from .metering import TooMuchWork, meter

MARGIN = 64
"""Characters of an indentation or a separator."""

_BITS = 4096
"""Of a whole number."""

_DIGITS = 1000
"""Of a text that is read as a number."""

_WIDEST = 999
"""Characters of a formatted value, beside its own."""

_WIDTHS = re.compile(r"%[^A-Za-z%]*(\*|[0-9]{4})|%\((?s:.*)[0-9]{4}")
"""In ``'%…' % value``: a width that is larger, or that the values have."""

_SPECIFIED = re.compile(r"(.?[<>=^])?[-+ ]?#?0?[0-9]{0,3}[,_]?(\.[0-9]{1,3})?[A-Za-z%]?")
"""What may stand behind the colon in ``'{:…}'.format(value)``."""

_BACKWARDS = frozenset({"lstrip", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "strip"})
"""Methods whose work is the text's length times the argument's."""


def look(value: Any) -> None:
    """To look at a value's elements, or to copy them."""
    if isinstance(value, str):
        meter().text(len(value))
    elif hasattr(value, "__len__"):
        meter().take(1 + len(value))
    else:
        meter().read(value)


def paid(result: Any) -> Any:
    """A result with its elements paid for. A text is, by what it was made of."""
    if isinstance(result, list):
        meter().take(len(result))
    return result


def binary(operator: str, left: Any, right: Any) -> None:
    """``left operator right``."""
    look(left)
    look(right)
    if operator == "%" and isinstance(left, str):
        formatted(left)
        meter().read(right)
    elif operator == "*":
        for times, value in ((left, right), (right, left)):
            if isinstance(times, int) and isinstance(value, str):
                meter().text(max(times, 0) * len(value))
            elif isinstance(times, int) and hasattr(value, "__len__"):
                meter().take(max(times, 0) * len(value))
        if isinstance(left, int) and isinstance(right, int):
            bits(left.bit_length() + right.bit_length())
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        bits(left.bit_length() * abs(right))


def method(text: str, name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A text's method, beside its arguments.

    Returns:
        The arguments, as some can be looked at once alone.
    """
    meter().text(len(text))
    if name in _BACKWARDS and args:
        searched(text, args[0])
    elif name == "replace" and len(args) > 1:
        replaced(text, str(args[0]), str(args[1]))
    elif name == "join" and args:
        return (joined(args[0], text), *args[1:])
    return args


def joined(values: Any, separator: str) -> list[Any]:
    """A list of values, to be joined."""
    listed = list(values)
    meter().text(len(listed) * len(separator))
    meter().read(listed)
    return listed


def replaced(text: str, old: str, new: str) -> None:
    """``text.replace(old, new)``."""
    meter().text(len(text) + text.count(old) * len(new))


def searched(text: str, pattern: Any) -> None:
    """A search that compares everything with everything."""
    if isinstance(pattern, str):
        meter().take(len(text) * len(pattern) >> 8)


def indented(text: str, width: Any) -> None:
    """A margin before each line."""
    margin(width)
    meter().text((text.count("\n") + 1) * MARGIN)


def formatted(text: str) -> None:
    """``text % …``."""
    if _WIDTHS.search(text):
        raise SecurityError("a width of a format is too large, or is not written in it")
    meter().text(len(text) + text.count("%") * _WIDEST)


def specified(text: str) -> None:
    """``text.format(…)``."""
    for _, _, given, _ in string.Formatter().parse(text):
        if given and not _SPECIFIED.fullmatch(given):
            raise SecurityError("a width of a format is too large, or is not written in it")
    meter().text(len(text) + text.count("{") * _WIDEST)


def margin(given: Any) -> None:
    """An indentation, in characters or as a text."""
    if (len(given) if isinstance(given, str) else given or 0) > MARGIN:
        raise TooMuchWork


def digits(given: Any) -> None:
    """A text that is read as a number."""
    if isinstance(given, str) and len(given) > _DIGITS:
        raise TooMuchWork


def bits(given: int) -> None:
    """A whole number of so many bits."""
    if given > _BITS:
        raise TooMuchWork
