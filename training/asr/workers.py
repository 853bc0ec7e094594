"""Processes that share work, and end with the one that gave it to them."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from repository.children import end_with_parent


def pool(workers: int) -> ProcessPoolExecutor:
    """A pool of new processes that end with their owner; otherwise they would wait without end.

    Args:
        workers: how many.
    """
    return ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=end_with_parent,
        initargs=(os.getpid(),),
    )
