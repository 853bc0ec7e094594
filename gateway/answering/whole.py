"""Answers that are sent when they are written."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.together import together
from gateway.triton.generation import Generate, Piece
from gateway.triton.server import Triton


async def written(triton: Triton, asked: Sequence[Generate]) -> list[Piece]:
    """The answer to each request, whole.

    Raises:
        ApiError: one was refused or failed.
    """
    return await together([_one(triton, each) for each in asked])


async def _one(triton: Triton, asked: Generate) -> Piece:
    async with triton.generating(asked, stream=False) as generation:
        piece = await generation.read()
        # The contract says one; several are put together.
        texts = [piece.text]
        while not piece.finish:
            piece = await generation.read()
            texts.append(piece.text)
    return Piece(
        "".join(texts),
        piece.finish,
        piece.prompt_tokens,
        piece.cached_tokens,
        piece.completion_tokens,
    )
