"""``POST /v1/ocr``: the lines of a page, in reading order."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from clients.connection.bounds import INT32
from clients.connection.connection import output
from clients.ocr.client import lines_of
from gateway.asking.fields import Fields, shown
from gateway.asking.form import Form, fields_of, read_form
from gateway.errors import invalid
from gateway.front import front_of
from gateway.triton.catalogue import Use
from repository.arrays import Array

PIPELINE = "ocr"
_TYPED = ("minimum_score", "maximum_side", "orientation", "pages")
_PAGES = 1000


async def ocr(request: Request) -> Response:
    """Reads a file: in a form, with options beside it, or as the body, with options in the query.

    Raises:
        ApiError: the request is not as it should be, or gets no answer.
    """
    front = front_of(request)
    form = await _read(request)
    fields = form.fields
    name = fields.text("model") or PIPELINE
    how = fields.word("response_format", ("json", "text")) or "json"
    inputs = {"image": np.frombuffer(form.file, np.uint8), **_options(fields)}
    fields.end()
    model = await front.catalogue.model(name, Use.OCR)
    answer = await front.triton.infer(model.name, inputs)
    lines = lines_of(answer, model.name)
    text = "\n".join(each.text for each in lines)
    if how == "text":
        return PlainTextResponse(text + "\n")
    pages = int(output(answer, "page_count", model.name)[0])
    told = [{**asdict(each), "score": round(each.score, 4)} for each in lines]
    return JSONResponse({"model": model.name, "page_count": pages, "text": text, "lines": told})


async def _read(request: Request) -> Form:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != "application/octet-stream":
        return await read_form(request, typed=_TYPED, lists=("pages",))
    query = request.query_params.multi_items()
    fields = fields_of(query, typed=_TYPED, lists=("pages",))
    content = await request.body()
    if not content:
        raise invalid("the body is empty: it needs an image", "file")
    return Form(content, fields)


def _options(fields: Fields) -> dict[str, Array]:
    found: dict[str, Array] = {}
    score = fields.number("minimum_score", 0, 1)
    if score is not None:
        found["minimum_score"] = np.array([score], np.float32)
    side = fields.integer("maximum_side", 1, INT32)
    if side is not None:
        found["maximum_side"] = np.array([side], np.int32)
    orientation = fields.flag("orientation")
    if orientation is not None:
        found["orientation"] = np.array([orientation], np.bool_)
    pages = fields.items("pages")
    if pages is not None:
        found["only_pages"] = np.array(_numbers(pages), np.int32)
    return found


def _numbers(pages: list[Any]) -> list[int]:
    for each in pages:
        if isinstance(each, bool) or not isinstance(each, int) or not 1 <= each <= INT32:
            told = f"'pages' has to be numbers of pages, from 1, found {shown(each)}"
            raise invalid(told, "pages")
    if len(pages) > _PAGES:
        raise invalid(f"'pages' has at most {_PAGES} numbers, found {len(pages)}", "pages")
    return pages
