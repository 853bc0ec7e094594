"""Work that is done side by side, and ends together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What each gives, in order; the first that fails ends the others, and its error is raised.

    One alone runs in the task that waits for it.
    """
    if len(work) == 1:
        return [await work[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except BaseExceptionGroup as problems:
        raise problems.exceptions[0] from None
    return [each.result() for each in tasks]
