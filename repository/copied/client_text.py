"""What a client, and what the log, is told about an error.

A copy lies in every Python model's version folder.

It keeps to Python 3.10 and the standard library.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 500
"""Characters of a sentence that goes to a client."""

CODES = ("INTERNAL", "NOT_FOUND", "INVALID_ARG", "UNAVAILABLE", "UNSUPPORTED", "ALREADY_EXISTS")
"""The names of ``TritonError``'s codes that every release since 24.10 knows."""

CODED = "error_code_in_text"
"""The request parameter that asks a stage to write its error's code before the text.

Up to 24.10 at least, a BLS call's error reaches the caller as INTERNAL, whatever its code was.
"""

_BEFORE = re.compile(r"^(?:\[request id: [^\]]*\] |in ensemble '[^']*', )+")
"""What Triton writes before the text of an error: the request, and ensembles around the model."""

_INSIDE = re.compile(
    r"(?:^|[\s'\"`(\[<{=:,])(?:~?/[\w.@+%-]+/|[A-Za-z]:\\)"  # a path, on Linux or on Windows
    r"|Traceback \(most recent|\bFile \"|\n"
)


def sentence(text: str) -> str:
    """The text as one line of valid UTF-8, at most :data:`LONGEST` characters long."""
    valid = utf8(text[: 2 * LONGEST])
    shown = (" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in valid)
    line = " ".join("".join(shown).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def split_code(text: str) -> tuple[str, str]:
    """The code that stands before a text that was asked for one, and the rest.

    Args:
        text: an error's, as Triton passes it on; without a code it is given back as it is, with "".
    """
    code, mark, rest = _BEFORE.sub("", text, count=1).partition(": ")
    return (code, rest) if mark and code in CODES else ("", text)


def utf8(text: str) -> str:
    """The text as valid UTF-8, which is all that Triton's functions take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def sentence_of(problem: BaseException) -> str:
    """The sentence of an error of our own; "" if none can be read from it."""
    try:
        return sentence(str(problem))
    except Exception:  # whatever its __str__ does
        return ""


def shows_inside(text: str) -> bool:
    """Whether a text that somebody else wrote tells of the server's inside: a path, a traceback."""
    return _INSIDE.search(text.strip()) is not None


def failed(model: str) -> str:
    """The sentence for what a client need not know more of."""
    return f"{model} failed on this request; the server's log has the reason"
