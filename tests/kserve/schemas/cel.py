"""The CRDs' ``x-kubernetes-validations``, run with cel-python as the API server runs them.

A rule is bound to the values at its place in the schema, defaults filled in. A rule that names
``oldSelf`` is a transition rule: it runs on updates alone, where the old object has a value at the
same place; items of a list of type ``map`` belong together by their keys.
(kubernetes/apiextensions-apiserver, pkg/apiserver/schema/cel/validation.go)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import celpy
import lark
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError, base_functions

from tests.kserve.schemas.structural import Schema, defaulted, identity

MACROS = frozenset({"has", "all", "exists", "exists_one", "filter", "map"})
_RESERVED = frozenset(
    (
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    )
)
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_ABSENT: Any = object()


@dataclass(frozen=True)
class Rule:
    """One rule of a schema.

    Attributes:
        path: where it stands: property names, ``[]`` for items, ``{}`` for values of a map.
        text: the CEL expression.
        message: what the API server says of a value that it refuses.
    """

    path: str
    text: str
    message: str

    @property
    def is_transition(self) -> bool:
        """Whether it compares a value with what it was."""
        return bool(re.search(r"\boldSelf\b", self.text))


def rules(schema: Schema, path: str = "") -> Iterator[Rule]:
    """Every rule of a schema."""
    for each in schema.get("x-kubernetes-validations", ()):
        yield Rule(path, each["rule"], each.get("message") or each["rule"])
    for name, inner in schema.get("properties", {}).items():
        yield from rules(inner, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from rules(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from rules(schema["additionalProperties"], f"{path}{{}}")


def unknown_functions(text: str) -> set[str]:
    """The functions of a rule that the evaluator does not have."""
    tree = _program(text).ast
    named = {
        str(child)
        for node in tree.iter_subtrees()
        if node.data in ("ident_arg", "dot_ident_arg", "member_dot_arg")
        for child in node.children
        if isinstance(child, lark.Token)
    }
    return named - MACROS - base_functions.keys()


def refusals(
    new: Mapping[str, Any], schema: Schema, old: Mapping[str, Any] | None = None
) -> Iterator[tuple[Rule, str]]:
    """The rules that refuse an object, or its update from ``old``, each with where."""
    for rule, where, held in outcomes(new, schema, old):
        if not held:
            yield rule, where


def outcomes(
    new: Mapping[str, Any], schema: Schema, old: Mapping[str, Any] | None = None
) -> Iterator[tuple[Rule, str, bool]]:
    """Every rule that applies to an object or to its update: with where, and whether it holds."""
    before = _ABSENT if old is None else defaulted(old, schema)
    yield from _walk(defaulted(new, schema), before, schema, "", "")


def _walk(
    new: Any, old: Any, schema: Schema, path: str, where: str
) -> Iterator[tuple[Rule, str, bool]]:
    for each in schema.get("x-kubernetes-validations", ()):
        rule = Rule(path, each["rule"], each.get("message") or each["rule"])
        if not rule.is_transition:
            yield rule, where, _holds(rule.text, {"self": to_cel(new, schema)})
        elif old is not _ABSENT:
            bound = {"self": to_cel(new, schema), "oldSelf": to_cel(old, schema)}
            yield rule, where, _holds(rule.text, bound)
    if isinstance(new, dict):
        previous = old if isinstance(old, dict) else {}
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        for name, value in new.items():
            if name in properties:
                inner, place = properties[name], f"{path}.{name}" if path else name
            elif isinstance(extra, dict):
                inner, place = extra, f"{path}{{}}"
            else:
                continue
            step = f"{where}.{name}" if where else name
            yield from _walk(value, previous.get(name, _ABSENT), inner, place, step)
    elif isinstance(new, list) and "items" in schema:
        known = {}
        if isinstance(old, list) and schema.get("x-kubernetes-list-type") == "map":
            known = {identity(item, schema): item for item in old}
        for index, item in enumerate(new):
            before = known.get(identity(item, schema), _ABSENT) if known else _ABSENT
            yield from _walk(item, before, schema["items"], f"{path}[]", f"{where}[{index}]")


def to_cel(value: Any, schema: Mapping[str, Any]) -> Any:
    """A value as CEL sees it: fields under names that an expression can write, times as times."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        inner = extra if isinstance(extra, dict) else {}
        return celtypes.MapType(
            {
                celtypes.StringType(escaped(name) if name in properties else name): to_cel(
                    each, properties.get(name, inner)
                )
                for name, each in value.items()
            }
        )
    if isinstance(value, list):
        return celtypes.ListType([to_cel(item, schema.get("items", {})) for item in value])
    if isinstance(value, str) and schema.get("format") == "duration":
        return celtypes.DurationType(value)
    if isinstance(value, str) and schema.get("format") == "date-time":
        return celtypes.TimestampType(value)
    return json_to_cel(value)


def escaped(name: str) -> str:
    """A property's name as an expression writes it."""
    if name in _RESERVED:
        return f"__{name}__"
    for mark, word in _ESCAPES.items():
        name = name.replace(mark, word)
    return name


@dataclass(frozen=True)
class _Compiled:
    ast: lark.Tree[Any]
    runner: celpy.Runner


@cache
def _program(text: str) -> _Compiled:
    environment = celpy.Environment()
    ast = environment.compile(text)
    return _Compiled(ast, environment.program(ast))


def _holds(text: str, bound: dict[str, Any]) -> bool:
    """Whether an expression is true; one that ends in an error refuses, as on the API server."""
    try:
        return bool(_program(text).runner.evaluate(bound))
    except CELEvalError as error:
        if "undeclared reference" in str(error):
            raise
        return False
