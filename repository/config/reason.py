"""What protobuf's text parser says of a config, in the words of a finding: what was found."""

from __future__ import annotations

import re

from repository.findings import shortened

UNKNOWN_FIELD = "has no field named"
"""What the parser says about an unknown field."""

_REASONS = [
    (
        r'Message type "([\w.]+)" has no field named "(.*)"',
        r"the field '\2', which \1 does not have",
    ),
    (r'Enum type "([\w.]+)" has no value (?:named|with number) (.*)', r"'\2', which is no \1"),
    (r"Couldn't parse integer: (.+)", r"'\1' where a whole number belongs"),
    (r"Couldn't parse float: (.+)", r"'\1' where a number belongs"),
    (r"Couldn't parse \w+: ", r"nothing where a number belongs"),
    (r"Value out of range: (.+)", r"\1, which is too small or too large for its field"),
    (r"Expected string but found: ''", r"nothing where a text in quotes belongs"),
    (r"Expected string but found: '(.*)'", r"'\1' where a text in quotes belongs"),
    (r'Expected "true" or "false"', r"another word where true or false belongs"),
    (r'Expected "(.+)"', r"no '\1' where one belongs"),
    (r"String missing ending quote: ", r"a text that begins with a quote and does not end"),
    (r"Expected identifier or number, got (.+)", r"'\1' where the name of a field belongs"),
    (r'Message type "[\w.]+" should not have multiple "(.+)" fields', r"the field '\1' twice"),
    (
        r'Field "(\w+)" is specified along with field "(\w+)"',
        r"'\1' and '\2', of which one alone may stand",
    ),
    (r'Message type "[\w.]+" does not have extensions', r"a name in brackets"),
    (r"codec can't decode", r"an escape between quotes that means nothing"),
]
_PATTERNS = [(re.compile(pattern, re.DOTALL), found) for pattern, found in _REASONS]


def found(said: str) -> str:
    """What the parser found, as a phrase.

    Args:
        said: its message; where it quotes the line before, that is left out.
    """
    said = said.removesuffix(".")
    for pattern, phrase in _PATTERNS:
        matches = list(pattern.finditer(said))
        if matches:
            return shortened(matches[-1].expand(phrase).replace("inference.", ""), 200)
    return shortened(" ".join(said.split()), 200)
