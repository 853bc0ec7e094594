"""The lines of a config as its parser reads them soon.

For most tokens protobuf's parser makes an error and throws it away, each with a copy of the whole
line: a line of a megabyte takes hours. Between its tokens a line may be broken anywhere.
"""

from __future__ import annotations

import re

LONGEST = 1000
"""The most characters of a line; a longer one is cut into pieces, but not inside a token."""

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"?+' r"|'(?:[^'\\]|\\.)*+'?+" r"|\#.*+" r"|[\w.+-]++" r"|\s++" r"|.",
    re.DOTALL,
)


def parsed_lines(text: str) -> tuple[list[str], list[int]]:
    """The lines to give to the parser, and the line of the text, from 1 on, that each is of."""
    lines: list[str] = []
    numbers: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        pieces = [line] if len(line) <= LONGEST else _pieces(line)
        lines += pieces
        numbers += [number] * len(pieces)
    return lines, numbers


def _pieces(line: str) -> list[str]:
    """A line broken before tokens: a word, a text between quotes, a sign, blanks, a comment."""
    starts = [0]
    for token in _TOKEN.finditer(line):
        if token.end() - starts[-1] > LONGEST and token.start() > starts[-1]:
            starts.append(token.start())
    ends = [*starts[1:], len(line)]
    return [line[start:end] for start, end in zip(starts, ends, strict=True)]
