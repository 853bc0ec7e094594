"""Forms with a file, and files that are sent as a body."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartParser
from starlette.requests import Request

from gateway.asking.fields import Fields
from gateway.errors import ApiError, invalid

_FIELDS, _FIELD_BYTES = 64, 64 * 1024


@dataclass(frozen=True)
class Form:
    """What was sent.

    Attributes:
        file: the file's content.
        fields: what stands beside it.
    """

    file: bytes
    fields: Fields


class _Parser(MultiPartParser):
    # In memory: the body is bounded, and a container's disk may not be written.
    spool_max_size = 2**31


async def read_form(
    request: Request, *, typed: Collection[str] = (), lists: Collection[str] = ()
) -> Form:
    """A form with the part ``file``.

    Args:
        request: of the type multipart/form-data.
        typed: fields that are numbers, or true or false.
        lists: fields that can be repeated, also with ``[]`` behind their names.

    Raises:
        ApiError: it is none, or has no file.
        MultiPartException: it is broken.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        found = f"'{kind[:60]}'" if kind else "none"
        told = f"the header Content-Type has to be multipart/form-data, found {found}"
        raise ApiError(415, told, code="unsupported_media_type")
    parser = _Parser(
        request.headers,
        request.stream(),
        max_files=1,
        max_fields=_FIELDS,
        max_part_size=_FIELD_BYTES,
    )
    form = await parser.parse()
    try:
        file = form.get("file")
        content = await file.read() if isinstance(file, UploadFile) else b""
        texts = [(name, each) for name, each in form.multi_items() if isinstance(each, str)]
    finally:
        await form.close()
    if isinstance(file, str) or file is None:
        told = "the form needs a part 'file' with a file: curl sends one by -F file=@NAME"
        raise invalid(told, "file", "missing_required_parameter")
    if not content:
        raise invalid("the file is empty", "file")
    return Form(content, fields_of(texts, typed=typed, lists=lists))


def fields_of(
    texts: Collection[tuple[str, str]],
    *,
    typed: Collection[str] = (),
    lists: Collection[str] = (),
) -> Fields:
    """Fields of a form or a query, which are all texts, as JSON has them.

    Args:
        texts: names and values.
        typed: as :func:`read_form` takes them.
        lists: likewise.

    Raises:
        ApiError: one is there twice that cannot be.
    """
    values: dict[str, Any] = {}
    for written, text in texts:
        name = written.removesuffix("[]")
        value = _typed(text) if name in typed else text
        if name in lists:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise invalid(f"'{name[:60]}' is there twice", name[:60])
        else:
            values[name] = value
    return Fields(values)


def _typed(text: str) -> Any:
    """A number, or true or false; the text itself if it is neither."""
    try:
        value = json.loads(text.strip().lower())
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text
