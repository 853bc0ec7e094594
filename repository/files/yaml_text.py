"""Reads YAML that anybody may have written, within bounds of time and memory.

The one reader of YAML. It takes the parser's events one by one, without recursion, and gives text,
integers, booleans and nulls as JSON has them, and no more: unquoted, ``24.10`` is a release and not
24.1, ``no`` is a word, and ``1:30`` is not a number. Tags are refused, since each gives a value a
meaning of its own. Aliases are allowed, but what they multiply is counted before it is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from repository.files.bounded_file import Unreadable

MAXIMUM_BYTES = 1 << 20
"""No file that is written by hand is larger."""

MAXIMUM_DEPTH = 50
"""Lists and mappings in each other."""

MAXIMUM_COPIED = 10_000
"""Values that aliases may repeat, all together."""

Location = tuple[int | str, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_PLAIN = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass
class Document:
    """What a YAML text holds.

    Attributes:
        value: dicts, lists, text, integers, booleans and None; None for an empty text.
        lines: the line of each key and item, from 1 on.
        repeated: keys that stand twice in a mapping: their place, and the lines of both.
    """

    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    repeated: list[tuple[Location, int, int]] = field(default_factory=list)


def parse_yaml(content: bytes, where: object) -> Document:
    """A text's document.

    Args:
        content: the text, in UTF-8 or, with a byte order mark, UTF-16.
        where: what it is, for the error.

    Raises:
        Unreadable: it is too large, too deep, no YAML, or more than one document; or it holds tags,
            keys that are no scalars, or aliases that are unknown, circular or too many.
    """
    if len(content) > MAXIMUM_BYTES:
        raise Unreadable(where, f"at most {MAXIMUM_BYTES:,} bytes", "more")
    try:
        root = _composed(content, where)
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None)
        found = str(problem or "something else").splitlines()[0]
        raise Unreadable(where, "YAML", found, mark.line + 1 if mark else 0) from None
    document = Document()
    if root is not None:
        document.value = _value(root, (), document)
    return document


@dataclass
class _Node:
    """A value as it stands in the text; shared where an alias repeats it.

    Attributes:
        line: from 1 on.
        value: a scalar's value; None for the others.
        items: of a list: its items. Of a mapping: keys and values in turns.
        mapping: whether it is one; None for a scalar.
        size: how many values it is, with those that aliases repeat.
        depth: levels of lists and mappings from here on.
        whole: whether its end was read.
    """

    line: int
    value: Any = None
    items: list[_Node] = field(default_factory=list)
    mapping: bool | None = None
    size: int = 1
    depth: int = 0
    whole: bool = True


def _composed(content: bytes, where: object) -> _Node | None:
    """The document's tree, an alias being the node that it stands for."""
    anchors: dict[str, _Node] = {}
    open_nodes: list[_Node] = []
    root: _Node | None = None
    copied = 0
    for event in _events(content):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            raise Unreadable(where, "one YAML document", "another", line)
        if isinstance(event, yaml.CollectionEndEvent):
            node = open_nodes.pop()
            node.whole = True
        elif isinstance(event, yaml.AliasEvent):
            known = anchors.get(event.anchor or "")
            if known is None or not known.whole:
                what = "one of no anchor before it" if known is None else "one inside its own value"
                raise Unreadable(where, "an alias", what, line)
            node = known
            copied += node.size
            if copied > MAXIMUM_COPIED:
                expected = f"aliases that repeat at most {MAXIMUM_COPIED:,} values"
                raise Unreadable(where, expected, "more", line)
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            _refuse_tag(event, where, line)
            if isinstance(event, yaml.ScalarEvent):
                node = _Node(line, value=_scalar(event))
            else:
                mapping = isinstance(event, yaml.MappingStartEvent)
                node = _Node(line, mapping=mapping, depth=1, whole=False)
            if event.anchor:
                anchors[event.anchor] = node
        else:
            continue
        if not node.whole:
            open_nodes.append(node)
            if len(open_nodes) > MAXIMUM_DEPTH:
                raise _too_deep(where, line)
            continue
        if not open_nodes:
            root = node
            continue
        parent = open_nodes[-1]
        if parent.mapping and len(parent.items) % 2 == 0:
            if node.mapping is not None:
                raise Unreadable(where, "a key of one word", "a list or a mapping", line)
            if node.value == "<<":
                merge = "the merge key '<<'; write out what it stands for"
                raise Unreadable(where, "keys and values", merge, line)
        parent.items.append(node)
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if len(open_nodes) + node.depth > MAXIMUM_DEPTH:
            raise _too_deep(where, line)
    return root


def _events(content: bytes) -> Iterator[yaml.Event]:
    loader = _LOADER(content)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _refuse_tag(
    event: yaml.ScalarEvent | yaml.CollectionStartEvent, where: object, line: int
) -> None:
    tag = event.tag
    if (
        tag is None
        or tag in ("!", "tag:yaml.org,2002:str")
        or (
            not isinstance(event, yaml.ScalarEvent)
            and tag in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
        )
    ):
        return
    short = tag.replace("tag:yaml.org,2002:", "!!")
    raise Unreadable(where, "YAML without tags", f"'{short[:60]}'", line)


def _scalar(event: yaml.ScalarEvent) -> Any:
    """A scalar as text; without quotes and tag, what JSON knows is a JSON value."""
    text = event.value
    if event.tag is not None or event.style in ("'", '"', "|", ">"):
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    return int(text) if _INTEGER.fullmatch(text) else text


def _value(node: _Node, at: Location, document: Document) -> Any:
    """A node's value; each place's line is noted. No deeper than :data:`MAXIMUM_DEPTH`."""
    if node.mapping is None:
        return node.value
    if not node.mapping:
        made = []
        for index, item in enumerate(node.items):
            document.lines[(*at, index)] = item.line
            made.append(_value(item, (*at, index), document))
        return made
    mapped: dict[Any, Any] = {}
    for key, item in zip(node.items[::2], node.items[1::2], strict=True):
        place = (*at, str(key.value))
        if place in document.lines:
            document.repeated.append((place, document.lines[place], key.line))
            continue
        document.lines[place] = key.line
        mapped[key.value] = _value(item, place, document)
    return mapped


def _too_deep(where: object, line: int) -> Unreadable:
    return Unreadable(where, f"YAML of at most {MAXIMUM_DEPTH} levels", "more", line)
