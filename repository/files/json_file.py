"""Reads JSON that anybody may have written, within bounds of time and memory.

The one reader of JSON files. RFC 8259, and no more: UTF-8 (a byte order mark is passed over), no
NaN or infinity, no key twice, no lone surrogate; numbers that a float or an integer of
:data:`MAXIMUM_DIGITS` digits can hold.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from repository.files.bounded_file import Unreadable, read_bounded

MAXIMUM_BYTES = 64 << 20
"""The largest tokenizers have half of that."""

MAXIMUM_VALUES = 4_000_000
"""The largest tokenizers have half of that, too; each takes up to 100 bytes of memory."""

MAXIMUM_DEPTH = 100
"""Lists and objects in each other."""

MAXIMUM_DIGITS = 100
"""Of an integer. Hugging Face's tokenizers write 10 ** 30 for "no limit"."""

_SURROGATE = re.compile(r"\\u[dD][89abAB]|\\u[dD][c-fC-F]")


def read_json(path: Path) -> Any:
    """A file's value.

    Raises:
        Unreadable: it cannot be read, is too large, or is no JSON.
    """
    return parse_json(read_bounded(path, MAXIMUM_BYTES), path)


def read_object(path: Path) -> dict[str, Any]:
    """A file's JSON object.

    Raises:
        Unreadable: as :func:`read_json`, or it holds another value.
    """
    return _object(read_json(path), path)


def parse_json(content: bytes, where: object) -> Any:
    """A text's value.

    Args:
        content: the text.
        where: what it is, for the error.

    Raises:
        Unreadable: it is too large, or no JSON.
    """
    if len(content) > MAXIMUM_BYTES:
        raise Unreadable(where, f"at most {MAXIMUM_BYTES:,} bytes", "more")
    if sum(map(content.count, (b",", b"[", b"{"))) > MAXIMUM_VALUES:
        raise Unreadable(where, f"at most {MAXIMUM_VALUES:,} values", "more")
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(
            text,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
            object_pairs_hook=_pairs,
        )
    except UnicodeDecodeError as error:
        raise Unreadable(where, "JSON in UTF-8", f"byte {error.start} that is not") from None
    except RecursionError:
        raise _too_deep(where) from None
    except json.JSONDecodeError as error:
        found = f"other text ({error.msg[0].lower()}{error.msg[1:]})"
        raise Unreadable(where, "JSON", found, error.lineno) from None
    except ValueError as error:
        raise Unreadable(where, "JSON", str(error)) from None
    _check_depth(value, where)
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Unreadable(where, "JSON", "a half of a surrogate pair") from None
    return value


def parse_object(content: bytes, where: object) -> dict[str, Any]:
    """A text's JSON object.

    Raises:
        Unreadable: as :func:`parse_json`, or it holds another value.
    """
    return _object(parse_json(content, where), where)


def kind_of_value(value: object) -> str:
    """What a JSON value is, in a word: "a list", "a number" …"""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "a number"


def _object(value: Any, where: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(where, "a JSON object", kind_of_value(value))
    return value


def _check_depth(value: Any, where: object) -> None:
    level = [value]
    for _ in range(MAXIMUM_DEPTH + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    raise _too_deep(where)


def _too_deep(where: object) -> Unreadable:
    return Unreadable(where, f"JSON of at most {MAXIMUM_DEPTH} levels", "more")


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text}, which is no JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number beyond 1.8e308")
    return value


def _integer(text: str) -> int:
    if len(text) > MAXIMUM_DIGITS:
        raise ValueError(f"an integer of more than {MAXIMUM_DIGITS} digits")
    return int(text)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key '{twice[:60]}' twice in an object")
    return made
