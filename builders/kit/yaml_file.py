"""Read a YAML file into a pydantic model; every mistake with its line and what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from builders.kit.findings import Finding, finding_of

MAXIMUM_BYTES = 1 << 20
"""No file that is written by hand is larger."""

T = TypeVar("T", bound=BaseModel)
Location = tuple[int | str, ...]


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
        return self.refusal(self.what, expected, repr(name), suggest(name, known))


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, with integers, booleans and nulls as JSON has them, and no more.

    Unquoted, ``24.10`` is a release and not 24.1, ``no`` is a word, and ``1:30`` is no number.
    """


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|", "~n"),
    ("bool", r"true|false", "tf"),
    ("int", r"-?(0|[1-9][0-9]{0,18})", "-0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first]
    )
_Loader.yaml_implicit_resolvers.setdefault("", []).append(
    ("tag:yaml.org,2002:null", re.compile("^$"))
)


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
    lines: dict[Location, int] = {}
    value = _load(path, lines, kind)
    if not isinstance(value, dict):
        found = "nothing" if value is None else f"a {type(value).__name__}"
        remedy = f"Write {', '.join(model.model_fields)}."
        raise kind.refusal(path.name, "keys and values", found, remedy)
    return validated(value, model, kind, path.name, lines, context)


def validated(
    value: Mapping[str, object],
    model: type[T],
    kind: Kind,
    source: str,
    lines: Mapping[Location, int],
    context: Mapping[str, object] | None = None,
) -> T:
    """A value as that model.

    Args:
        value: the keys and values.
        model: what it should be.
        kind: for the words of its errors.
        source: where the value comes from, as a file's name.
        lines: the line of each key, as far as they are known.
        context: what the model's validators are given as ``info.context``.

    Raises:
        Exception: ``kind.error``: it does not fit the model.
    """
    try:
        return model.model_validate(value, context=dict(context or {}))
    except ValidationError as error:
        findings = [_explain(source, details, model, lines, kind) for details in error.errors()]
        raise kind.error(findings) from None


def suggest(value: str, known: Iterable[str]) -> str:
    """The remedy for a name that is not known: the nearest that is, if one is near."""
    names = list(known)
    near = [name for name in names if value and name.startswith(value)]
    near = near or difflib.get_close_matches(value, names, n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else "Write one of those."


def _load(path: Path, lines: dict[Location, int], kind: Kind) -> Any:
    """The document, with each key's line noted."""
    try:
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        found = error.strerror or type(error).__name__
        remedy = f"Give the path of a {kind.what}."
        raise kind.refusal(str(path), "a readable file", found, remedy) from None
    if len(content) > MAXIMUM_BYTES:
        expected = f"at most {MAXIMUM_BYTES:,} bytes"
        raise kind.refusal(path.name, expected, "more", f"Give a {kind.what}.")
    repeated: list[Finding] = []
    try:
        loader = _Loader(content)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _note(path.name, node, (), lines, repeated, kind)
            value = loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError:
        expected = f"a {kind.what}"
        raise kind.refusal(path.name, expected, "YAML nested too deeply", "Flatten it.") from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}, line {mark.line + 1}" if mark else path.name
        problem = getattr(error, "problem", None) or getattr(error, "reason", None)
        found = str(problem or "something else").splitlines()[0]
        raise kind.refusal(where, "YAML", found, "Mend the line.") from None
    if repeated:
        raise kind.error(repeated)
    return value


def _note(
    file: str,
    node: yaml.Node,
    at: Location,
    lines: dict[Location, int],
    repeated: list[Finding],
    kind: Kind,
) -> None:
    """Note each key's line; a key that stands twice in a mapping is a mistake."""
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            place = (*at, str(key.value))
            line = key.start_mark.line + 1
            if place in lines:
                repeated.append(
                    kind.finding(
                        f"{file}, line {line}, {_dotted(place)}",
                        "each key once",
                        f"it on line {lines[place]} too",
                        "Remove one of the two.",
                    )
                )
                continue
            lines[place] = line
            _note(file, child, place, lines, repeated, kind)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            lines[(*at, index)] = child.start_mark.line + 1
            _note(file, child, (*at, index), lines, repeated, kind)


def _explain(
    file: str,
    details: ErrorDetails,
    model: type[BaseModel],
    lines: Mapping[Location, int],
    kind: Kind,
) -> Finding:
    """Pydantic's error as a finding."""
    at = tuple(part for part in details["loc"] if part != "[key]")
    line = next((lines[at[:end]] for end in range(len(at), 0, -1) if at[:end] in lines), None)
    where = f"{file}, line {line}, {_dotted(at)}" if line else f"{file}, {_dotted(at)}"
    context = details.get("ctx", {})
    found = repr(details["input"])[:60]
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
            return kind.finding(where, "a value", "none", f"Write {_dotted(at)}.")
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
            expected = details["msg"].removeprefix("Input should be ")
            return kind.finding(where, expected, found, "Write such a value.")


def _keys(model: type[BaseModel], at: Location) -> list[str]:
    """The keys that stand at a place of the model."""
    annotation: Any = model
    for part in at:
        annotation = _plain(annotation)
        if get_origin(annotation) in (dict, list):
            annotation = get_args(annotation)[-1]
        else:
            annotation = annotation.model_fields[part].annotation
    return list(_plain(annotation).model_fields)


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
