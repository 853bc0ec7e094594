"""The bytes of a config.pbtxt as text, in whatever encoding they were saved.

Triton's parser takes any bytes in comments and between quotes, and ASCII alone everywhere else. A
``ModelConfig`` of Python's protobuf holds text only, so each byte that is not UTF-8 becomes a
character from a range that nobody uses: names that differ still differ.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from google.protobuf import text_encoding

from repository.errors import RepositoryError

_FIRST = 0xF700
"""What is added to a byte that is no UTF-8: U+F780 to U+F7FF are for private use."""
_ODD = re.compile("[\uf780-\uf7ff]")

_TOKENS = re.compile(
    r'(?P<text>"(?:[^"\\\n]|\\[^\n])*+"|\'(?:[^\'\\\n]|\\[^\n])*+\')'
    r"|(?P<comment>\#[^\n]*+)|(?P<open>[\"'][^\n]*+)|(?P<code>[^\"'\#]++)"
)
_NO_CODE = re.compile(r"[^\t-\r -~]")
"""What may not stand outside quotes and comments."""
_NUMBER_ESCAPE = re.compile(r"\\(?:[0-7]|[xX][0-9a-fA-F])")
_ESCAPE = re.compile(r"\\([^\n])")
_ESCAPES = set("abfnrtv\\?'\"01234567xXuU")
"""What may follow a backslash: ``IsEscape`` and its like in protobuf's tokenizer.cc."""
_WRITTEN = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\0": r"\000"})
"""How a text is written between quotes again."""


class NoText(RepositoryError):
    """Bytes that Triton's parser does not take; the text says what is found.

    Attributes:
        line: where, counted from 1.
    """

    def __init__(self, line: int, found: str) -> None:
        super().__init__(found)
        self.line = line


def _as_character(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(_FIRST + each) for each in error.object[error.start : error.end]), error.end


codecs.register_error("config-byte", _as_character)


def readable(content: bytes) -> str:
    """The text of a config, for protobuf's parser.

    Raises:
        NoText: it holds what Triton's parser does not take, and Python's might.
    """
    text = content.decode(errors="config-byte")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise NoText(1, "text in UTF-16")
    if text.startswith("\ufeff"):
        raise NoText(1, "a byte order mark")
    if "\0" in text:
        raise NoText(_line(text, text.index("\0")), "a NUL byte")
    if text.isascii() and "\\" not in text and not _NO_CODE.search(text):
        return text
    return "".join(_parts(text))


def is_odd(text: str) -> bool:
    """Whether bytes of a text were no UTF-8."""
    return bool(_ODD.search(text))


def odd_lines(content: bytes) -> list[int]:
    """The lines, from 1 on, with bytes that are not UTF-8, written directly or as escapes."""
    try:
        text = readable(content)
    except NoText:
        return []
    return [line for line, part in enumerate(text.split("\n"), 1) if is_odd(part)]


def _parts(text: str) -> Iterator[str]:
    for token in _TOKENS.finditer(text):
        part = token.group()
        if token.lastgroup == "code":
            if stray := _NO_CODE.search(part):
                character = stray.group()
                what = "a byte that is no UTF-8" if is_odd(character) else ascii(character)
                at = _line(text, token.start() + stray.start())
                raise NoText(at, f"{what} outside quotes and comments")
        elif token.lastgroup == "text":
            for escape in _ESCAPE.finditer(part):
                if escape.group(1) not in _ESCAPES:
                    at = _line(text, token.start())
                    raise NoText(at, f"the escape '{escape.group()}', which means nothing")
            part = _quoted(part)
        yield part


def _quoted(part: str) -> str:
    """A text between quotes; escaped bytes that are no UTF-8 written as characters."""
    if not _NUMBER_ESCAPE.search(part):
        return part
    try:
        plain = text_encoding.CUnescape(part[1:-1])
        plain.decode()
    except UnicodeDecodeError:
        shown = plain.decode(errors="config-byte")
        return f'"{shown.translate(_WRITTEN)}"'
    except ValueError:
        pass  # protobuf's parser says what is wrong with it
    return part


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
