"""What chat templates may call by name, as transformers gives it to them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from jinja2.exceptions import SecurityError
from jinja2.utils import Namespace

from . import costs

_ESCAPED = re.compile("[^\\x00-\\x7f\ufdd0-\ufdef]")
"""What is escaped in ASCII. Not the marks around what users wrote: see
:mod:`builders.decoder.stages.asking.marks`."""


class Refusal(Exception):
    """The template itself refuses the messages, by ``raise_exception``."""


class Dict:
    """``dict``: the class itself has more than is harmless."""

    def __call__(self, *args: Any, **named: Any) -> dict[Any, Any]:
        """``dict(…)``."""
        return dict(*args, **named)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        """``dict.fromkeys``."""
        return dict.fromkeys(*args)


class Names(Namespace):
    """``namespace``: a name that begins with _ would be one of Python's own."""

    def __init__(*args: Any, **named: Any) -> None:
        self, given = args[0], dict(*args[1:], **named)
        for name in given:
            _check_name(name)
        Namespace.__init__(self, given)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        Namespace.__setitem__(self, name, value)

    def __repr__(self) -> str:
        return "<Namespace>"


def to_json(
    x: Any,
    ensure_ascii: bool = False,
    indent: Any = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    """The filter ``tojson``. Jinja's own escapes HTML."""
    for each in (indent, *(separators or ())):
        costs.margin(each)
    text = json.dumps(
        x, ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys
    )
    return _ESCAPED.sub(lambda found: json.dumps(found[0])[1:-1], text) if ensure_ascii else text


def _raise_exception(message: Any) -> NoReturn:
    raise Refusal(str(message))


def _strftime_now(format: str) -> str:
    costs.margin(format)
    return datetime.now().strftime(format)


def _check_name(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace takes no name that begins with _, as {name!r} does")


FUNCTIONS: Mapping[str, Any] = {
    "dict": Dict(),
    "namespace": Names,
    "raise_exception": _raise_exception,
    "strftime_now": _strftime_now,
}
