"""Read a YAML file into a pydantic model; every mistake with its line and what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from repository.files.bounded_file import Unreadable, read_bounded
from repository.files.yaml_text import MAXIMUM_BYTES, Location, parse_yaml
from repository.findings import Finding, finding_of, shortened, with_article

MAXIMUM_TOLD = 100
"""The most mistakes of one file that are reported at once."""

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Kind:
    """What sort of file is read, for the words of its errors.

    Attributes:
        what: as ``profile``.
        error: makes the exception that tells everything wrong.
    """

    what: str
    error: Callable[[list[Finding]], Exception]

    def finding(self, where: str, expected: str, found: str, remedy: str) -> Finding:
        """One mistake in such a file."""
        return finding_of(self.what, where, expected, found, remedy)

    def refusal(self, where: str, expected: str, found: str, remedy: str) -> Exception:
        """The exception for one mistake alone."""
        return self.error([self.finding(where, expected, found, remedy)])

    def unknown(self, name: str, known: Sequence[str]) -> Exception:
        """The exception for the name of a file that the project does not have."""
        expected = f"one of {', '.join(known)}, or a path"
        return self.refusal(self.what, expected, repr(shortened(name)), suggest(name, known))


def parse(path: Path, model: type[T], kind: Kind, context: Mapping[str, object] | None = None) -> T:
    """The file as that model.

    Args:
        path: the file.
        model: what it should be.
        kind: for the words of its errors.
        context: what the model's validators are given as ``info.context``.

    Raises:
        Exception: ``kind.error``: it cannot be read, is not YAML, or does not fit the model.
    """
    value, lines = load(path, model, kind)
    return validated(value, model, kind, path.name, lines, context)


def load(
    path: Path, model: type[BaseModel], kind: Kind
) -> tuple[dict[str, object], dict[Location, int]]:
    """The keys and values of a file, and the line of each key and item.

    Args:
        path: the file.
        model: what it should be; nothing of it is checked yet.
        kind: for the words of its errors.

    Raises:
        Exception: ``kind.error``: it cannot be read, or is not YAML with keys and values.
    """
    lines: dict[Location, int] = {}
    value = _load(path, lines, kind)
    if not isinstance(value, dict):
        found = "nothing" if value is None else with_article(type(value).__name__)
        remedy = f"Write {', '.join(_names(model))}."
        raise kind.refusal(path.name, "keys and values", found, remedy)
    return value, lines


def validated(
    value: Mapping[str, object],
    model: type[T],
    kind: Kind,
    source: str,
    lines: Mapping[Location, int],
    context: Mapping[str, object] | None = None,
    below: Location = (),
) -> T:
    """A value as that model.

    Args:
        value: the keys and values.
        model: what it should be.
        kind: for the words of its errors.
        source: where the value comes from, as a file's name.
        lines: the line of each key, as far as they are known.
        context: what the model's validators are given as ``info.context``.
        below: the keys that lead to the value, if it is a part of the file.

    Raises:
        Exception: ``kind.error``: it does not fit the model.
    """
    try:
        return model.model_validate(value, context=dict(context or {}))
    except ValidationError as error:
        wrong = error.errors()
        shown = wrong[:MAXIMUM_TOLD]
        findings = [_explain(source, each, model, lines, kind, below) for each in shown]
        if len(wrong) > MAXIMUM_TOLD:
            remedy = "Mend the ones above first."
            findings.append(kind.finding(source, "no mistakes", f"{len(wrong):,}", remedy))
        raise kind.error(findings) from None


def place(file: str, at: Location, lines: Mapping[Location, int]) -> str:
    """A place in a file, with the line of the nearest key that has one."""
    line = next((lines[at[:end]] for end in range(len(at), 0, -1) if at[:end] in lines), None)
    return f"{file}, line {line}, {_dotted(at)}" if line else f"{file}, {_dotted(at)}"


def suggest(value: str, known: Iterable[str]) -> str:
    """The remedy for a name that is not known: the nearest that is, if one is near."""
    names = list(known)
    near = [name for name in names if value and name.startswith(value)]
    near = near or difflib.get_close_matches(value, names, n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else "Write one of those."


def _load(path: Path, lines: dict[Location, int], kind: Kind) -> Any:
    """The document, with each key's line noted; a key that stands twice is a mistake."""
    try:
        content = read_bounded(path, MAXIMUM_BYTES)
    except Unreadable as error:
        where = shortened(error.where)
        found = "none" if "No such file" in error.found else error.found
        raise kind.refusal(where, error.expected, found, "Give the path of a YAML file.") from None
    try:
        document = parse_yaml(content, path.name)
    except Unreadable as error:
        where = f"{path.name}, line {error.line}" if error.line else path.name
        raise kind.refusal(where, error.expected, error.found, "Mend the line.") from None
    if document.repeated:
        raise kind.error(
            [
                kind.finding(
                    f"{path.name}, line {line}, {_dotted(place)}",
                    "each key once",
                    f"it on line {first} too",
                    "Remove one of the two.",
                )
                for place, first, line in document.repeated[:MAXIMUM_TOLD]
            ]
        )
    lines.update(document.lines)
    return document.value


def _explain(
    file: str,
    details: ErrorDetails,
    model: type[BaseModel],
    lines: Mapping[Location, int],
    kind: Kind,
    below: Location,
) -> Finding:
    """Pydantic's error as a finding."""
    at = tuple(part for part in details["loc"] if part != "[key]")
    if details["type"] == "invalid_key":
        # A number as a key; lines are noted by text.
        at = (*at[:-1], str(at[-1]))
    where = place(file, (*below, *at), lines)
    context = details.get("ctx", {})
    found = _told(details["input"])
    match details["type"]:
        case "extra_forbidden":
            known = _keys(model, at[:-1])
            return kind.finding(
                where,
                f"one of {', '.join(known)}",
                repr(at[-1]),
                suggest(str(at[-1]), known),
            )
        case "missing":
            return kind.finding(where, "a value", "none", f"Write {_dotted((*below, *at))}.")
        case "literal_error":
            expected = str(context["expected"])
            known = re.findall(r"'([^']*)'", expected)
            return kind.finding(where, expected, found, suggest(str(details["input"]), known))
        case "refused":
            return kind.finding(
                where,
                context["expected"],
                context.get("found", found),
                context["remedy"],
            )
        case _:
            return kind.finding(where, _expected(details), found, "Write such a value.")


_WORDS = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "keys and values",
    "finite_number": "a number that is not infinite",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 18 digits",
    "int_type": "a whole number",
    "invalid_key": "a key that is text",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "mapping_type": "keys and values",
    "model_attributes_type": "keys and values",
    "model_type": "keys and values",
    "none_required": "nothing",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "text",
    "too_long": "at most {max_length} of them",
    "too_short": "at least {min_length} of them",
    "tuple_type": "a list",
}
"""Pydantic's errors in words for the file's author."""


def _expected(details: ErrorDetails) -> str:
    """What an error says that a value should be."""
    words = _WORDS.get(details["type"])
    if words is not None:
        return words.format(**details.get("ctx", {}))
    # What a validator of the project's raised, or one whose words have no place in the table.
    told = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return told.removeprefix("Assertion failed, ")


def _told(value: Any) -> str:
    """A value as YAML has it, in a few words."""
    if isinstance(value, Mapping):
        return f"keys and values: {shortened(', '.join(map(str, value)), 60)}" if value else "none"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return shortened(repr(value), 60)


def _keys(model: type[BaseModel], at: Location) -> list[str]:
    """The keys that stand at a place of the model."""
    annotation: Any = model
    for part in at:
        annotation = _plain(annotation)
        if get_origin(annotation) in (dict, list):
            annotation = get_args(annotation)[-1]
        else:
            annotation = _names(annotation)[str(part)].annotation
    return list(_names(_plain(annotation)))


def _names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the keys that a file has for them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _plain(annotation: Any) -> Any:
    """An annotation without ``Annotated`` and without its ``None``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif type(None) in get_args(annotation):
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        else:
            return annotation


def _dotted(at: Location) -> str:
    return ".".join(map(str, at))
