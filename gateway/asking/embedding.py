"""A request for vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.asking.fields import Fields, shown
from gateway.errors import invalid, unsupported

MOST = 2048
"""Texts of a request, as in OpenAI's API."""

IGNORED = ("user",)
REFUSED: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "dimensions": ((), "a vector is as long as the model makes it"),
}


@dataclass(frozen=True)
class EmbeddingRequest:
    """What was asked.

    Attributes:
        model: the pipeline.
        given: texts, or images as data URIs or addresses.
        is_base64: vectors are sent as bytes in base64, not as numbers.
    """

    model: str
    given: list[str]
    is_base64: bool


def read_embedding(values: Mapping[str, Any]) -> EmbeddingRequest:
    """The request, from its JSON object.

    Raises:
        ApiError: it is not as it should be, or asks for what is not supported.
    """
    fields = Fields(values)
    model = fields.needed("model", fields.text("model"))
    fields.refuse(REFUSED)
    fields.ignore(*IGNORED)
    form = fields.word("encoding_format", ("float", "base64"))
    given = _given(fields)
    fields.end()
    return EmbeddingRequest(model, given, form == "base64")


def _given(fields: Fields) -> list[str]:
    given = fields.needed("input", fields.take("input"))
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list) or not found:
        told = f"'input' has to be a text or a list of texts, found {shown(given)}"
        raise invalid(told if given != [] else "'input' is empty", "input")
    if len(found) > MOST:
        raise invalid(f"'input' has at most {MOST:,} texts, found {len(found):,}", "input")
    for number, each in enumerate(found):
        at = "input" if isinstance(given, str) else f"input[{number}]"
        if isinstance(each, int | list):
            raise unsupported("input", "'input' as tokens is not supported: send its text")
        if not isinstance(each, str):
            raise invalid(f"'{at}' has to be a text, found {shown(each)}", at)
        if not each:
            raise invalid(f"'{at}' is empty", at)
    return found
