"""What the command ``ask`` does with a question: it asks a decoder, and prints what comes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from clients.chat.answer import Piece
from clients.chat.client import ChatClient
from clients.chat.conversation import Conversation
from clients.cli.ask import STANDARD_INPUT
from clients.cli.chat.given import LONGEST, read_image
from clients.cli.chat.told import ended
from clients.cli.chat.written import Written
from clients.cli.listening import StatusLine
from repository.cli.exit import failed, usage
from repository.cli.show import show_json
from repository.errors import KitError


def answer(
    question: str,
    images: Sequence[Path],
    options: Mapping[str, Any],
    *,
    system: str | None,
    as_document: bool,
    url: str,
    model: str | None,
    timeout: float,
    patience: float,
) -> None:
    """Asks a decoder a question, and prints its answer as it comes.

    Args:
        question: its words; ``-`` for those on standard input.
        images: what it is about.
        options: of :meth:`.ChatClient.answer`.

    Raises:
        typer.Exit: there was no answer; it was said why.
    """
    conversation = Conversation(system or "")
    status = StatusLine()
    try:
        words = _words(question)
        conversation.ask(words, [read_image(each) for each in images])
        with (
            closing(status),
            Written() as written,
            ChatClient(url, model, timeout, patience, status.show) as client,
            closing(client.answer(conversation.messages, conversation.images, **options)) as pieces,
        ):
            came: list[Piece] = []
            for piece in pieces:
                status.clear()
                came.append(piece)
                if not as_document:
                    written.add(piece.text)
            if not as_document:
                written.end()
    except KitError as problem:
        raise ended(problem, "image") from problem
    if as_document:
        last = came[-1] if came else Piece("")
        show_json(
            {
                "text": "".join(each.text for each in came),
                "finish_reason": last.finish_reason,
                "prompt_tokens": last.prompt_tokens,
                "cached_tokens": last.cached_tokens,
                "completion_tokens": last.completion_tokens,
            }
        )


def _words(question: str) -> str:
    if question != STANDARD_INPUT:
        if not question.strip():
            raise usage("expected a question, found an empty one")
        return question
    content = sys.stdin.buffer.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise failed(f"standard input: expected at most {LONGEST:,} bytes, found more")
    try:
        words = content.decode().strip()
    except UnicodeDecodeError as problem:
        raise failed(
            f"standard input: expected a question in UTF-8, found other bytes at byte "
            f"{problem.start}"
        ) from problem
    if not words:
        raise failed("standard input: expected a question, found none")
    return words
