"""Jinja's filters and tests, as far as they are harmless, each with what it costs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import Context

from . import costs
from .functions import to_json
from .metering import TooMuchWork, meter

GLANCING = ("count", "d", "default", "first", "items", "last", "length", "list", "reverse")
"""They look at a list's elements."""

LAZY = ("map", "reject", "rejectattr", "select", "selectattr")
"""They look at an element when it is asked for."""

READING = (
    *("abs", "capitalize", "e", "escape", "float", "lower", "max", "min", "safe", "string"),
    *("truncate", "unique", "upper"),
)
"""They read what they are given."""

LONGER = ("dictsort", "groupby", "sort", "title", "wordcount")
"""They take about sixteen times as long."""

_LONGER = 16

COMPARING = (
    *("!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "in", "le"),
    *("lessthan", "lower", "lt", "ne", "upper"),
)
"""Tests that read what they are given; the others look at its type."""

_DEPTH = 64
"""Lazy filters behind each other."""

_CALL = 4

Function = Callable[..., Any]


def filters(known: Mapping[str, Function]) -> dict[str, Function]:
    """Jinja's own -> what templates get."""
    return {
        **{name: _glancing(known[name]) for name in GLANCING},
        **{name: _lazy(known[name]) for name in LAZY},
        **{name: _reading(known[name]) for name in READING},
        **{name: _reading(known[name], _LONGER) for name in LONGER},
        "format": _reading(_format(known["format"])),
        "indent": _reading(_indent(known["indent"])),
        "int": _reading(_int(known["int"])),
        "join": _reading(_join(known["join"])),
        "replace": _reading(_replace(known["replace"])),
        "sum": _reading(_sum(known["sum"])),
        "tojson": _reading(to_json, _LONGER),
        "trim": _reading(_trim(known["trim"])),
    }


def tests(known: Mapping[str, Function]) -> dict[str, Function]:
    """Jinja's own -> what templates get."""
    return {name: _reading(test) if name in COMPARING else test for name, test in known.items()}


def _glancing(known: Function) -> Function:
    @functools.wraps(known)
    def run(*args: Any, **named: Any) -> Any:
        for each in args:
            costs.look(each)
        return costs.paid(known(*args, **named))

    return run


def _reading(known: Function, times: int = 1) -> Function:
    @functools.wraps(known)
    def run(*args: Any, **named: Any) -> Any:
        before = meter().left
        meter().read(args)
        meter().read(named)
        meter().take((before - meter().left) * (times - 1))
        return costs.paid(known(*args, **named))

    return run


def _lazy(known: Callable[..., Iterable[Any]]) -> Function:
    @functools.wraps(known)
    def run(context: Context, source: Any, *args: Any, **named: Any) -> Any:
        depth = source.depth + 1 if isinstance(source, _Lazy) else 0
        if depth > _DEPTH:
            raise TooMuchWork
        return _Lazy(known(context, source, *args, **named), depth)

    return run


class _Lazy:
    """What a lazy filter gives. Like a generator it is true, and has no length."""

    def __init__(self, elements: Iterable[Any], depth: int) -> None:
        self._elements = iter(elements)
        self.depth = depth

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        meter().take(_CALL)
        return next(self._elements)


def _join(known: Function) -> Function:
    @functools.wraps(known)
    def run(context: Any, value: Any, d: Any = "", attribute: Any = None) -> Any:
        return known(context, costs.joined(value, str(d)), d, attribute)

    return run


def _replace(known: Function) -> Function:
    @functools.wraps(known)
    def run(context: Any, s: Any, old: Any, new: Any, count: Any = None) -> Any:
        costs.replaced(str(s), str(old), str(new))
        return known(context, s, old, new, count)

    return run


def _trim(known: Function) -> Function:
    @functools.wraps(known)
    def run(value: Any, chars: Any = None) -> Any:
        costs.searched(str(value), chars)
        return known(value, chars)

    return run


def _indent(known: Function) -> Function:
    @functools.wraps(known)
    def run(s: str, width: Any = 4, first: bool = False, blank: bool = False) -> Any:
        costs.indented(str(s), width)
        return known(s, width, first, blank)

    return run


def _format(known: Function) -> Function:
    @functools.wraps(known)
    def run(value: Any, *args: Any, **named: Any) -> Any:
        costs.formatted(str(value))
        return known(value, *args, **named)

    return run


def _int(known: Function) -> Function:
    @functools.wraps(known)
    def run(value: Any, *args: Any, **named: Any) -> Any:
        costs.digits(value)
        return known(value, *args, **named)

    return run


def _sum(known: Function) -> Function:
    @functools.wraps(known)
    def run(environment: Any, iterable: Any, attribute: Any = None, start: Any = 0) -> Any:
        if not isinstance(start, (int, float)):
            raise SecurityError("sum is served for numbers alone")
        return known(environment, iterable, attribute, start)

    return run
