"""What chats and completions share: the answer, in events as it is written, or whole."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import ASGIApp

from gateway.answering.events import Events
from gateway.answering.kinds import Kind
from gateway.answering.stream import Stream
from gateway.answering.tokens import usage_of
from gateway.answering.whole import written
from gateway.asking.sampling import Sampling
from gateway.counting.counts import Counts
from gateway.triton.generation import Generate
from gateway.triton.server import Triton


async def answered(
    triton: Triton, counts: Counts, kind: Kind, asked: Sequence[Generate], sampling: Sampling
) -> ASGIApp:
    """Answers as the request wants it.

    Args:
        triton: the server.
        counts: are told of its tokens.
        kind: of a chat or of completions, by a model.
        asked: a request for each choice.
        sampling: what the client asked for.

    Raises:
        ApiError: one was refused or failed, and it is answered whole.
    """
    identity, created = f"{kind.prefix}{secrets.token_hex(12)}", int(time.time())
    if sampling.stream:
        events = Events(kind, identity, created, usage=sampling.usage)
        return Stream(triton, asked, sampling.choices, events, counts, usage=sampling.usage)
    pieces = await written(triton, asked)
    usage = usage_of(pieces, sampling.choices)
    counts.tokens(usage)
    answer = kind.whole(identity, created, pieces, usage)
    content = answer.model_dump_json(exclude_unset=True)
    return Response(content, media_type="application/json")
