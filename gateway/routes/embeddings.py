"""``POST /v1/embeddings``: vectors of texts, or of images."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from clients.connection.connection import output
from gateway.asking.body import json_object
from gateway.asking.embedding import EmbeddingRequest, read_embedding
from gateway.errors import invalid
from gateway.front import Front, front_of
from gateway.together import together
from gateway.triton.catalogue import VECTORS, Model, Use
from repository.arrays import Array

BATCH = 32
"""Texts of one request to a pipeline: the most that ``text_embed`` takes by default."""

SIDE_BY_SIDE = 4
"""Requests to a pipeline at a time, for one client."""


async def embeddings(request: Request) -> Response:
    """The vectors of what was given, in its order.

    Raises:
        ApiError: the request is not as it should be, or gets no answer.
    """
    front = front_of(request)
    read = read_embedding(await json_object(request))
    model = await front.catalogue.model(read.model, Use.TEXT_VECTORS, Use.IMAGE_VECTORS)
    make = _of_texts if Use.TEXT_VECTORS in model.uses else _of_images
    content = await _written(read, await make(front, model, read.given))
    return Response(content, media_type="application/json")


async def _of_texts(front: Front, model: Model, texts: Sequence[str]) -> list[Array]:
    (name,) = model.outputs.intersection(VECTORS)
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def batch(at: int) -> Array:
        given = np.array([each.encode() for each in texts[at : at + BATCH]], np.object_)
        async with room:
            return output(await front.triton.infer(model.name, {"text": given}), name, model.name)

    found = await together([batch(at) for at in range(0, len(texts), BATCH)])
    return [vector for each in found for vector in each]


async def _of_images(front: Front, model: Model, uris: Sequence[str]) -> list[Array]:
    most = front.settings.limits.images
    if len(uris) > most:
        raise invalid(f"'input' has at most {most} images, found {len(uris)}", "input")
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def image(uri: str) -> Array:
        file = np.frombuffer(await front.resolver.image(uri, "input"), np.uint8)
        async with room:
            answer = await front.triton.infer(model.name, {"image": file})
        vector = output(answer, "pooled", model.name).reshape(-1).astype(np.float32)
        # OpenAI's vectors have the length 1, and those of an eye need not.
        length = float(np.linalg.norm(vector))
        return vector / np.float32(length) if length else vector

    return await together([image(each) for each in uris])


async def _written(read: EmbeddingRequest, vectors: Sequence[Array]) -> bytes:
    """The answer as JSON, made vector by vector: meanwhile other clients are answered."""
    parts = []
    for index, each in enumerate(vectors):
        vector = np.ascontiguousarray(each, "<f4")
        shown = base64.b64encode(vector.tobytes()).decode() if read.is_base64 else vector.tolist()
        told = {"object": "embedding", "index": index, "embedding": shown}
        parts.append(json.dumps(told, separators=(",", ":")).encode())
        await asyncio.sleep(0)
    # Pipelines do not tell how many tokens they made of a text.
    usage = {"prompt_tokens": 0, "total_tokens": 0}
    rest = json.dumps({"model": read.model, "usage": usage}, separators=(",", ":")).encode()
    return b'{"object":"list","data":[%b],%b' % (b",".join(parts), rest[1:])
