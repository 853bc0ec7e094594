"""What the command ``asr`` does: a sound file, a microphone or a pipe to what is printed."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from io import BufferedReader
from pathlib import Path
from typing import cast

import typer

from clients.asr.captions import as_json, line, srt, vtt
from clients.asr.client import AsrClient, Option, Segment
from clients.asr.sound import RATE, Piece, SoundError, SoundFile, microphone, standard_input
from clients.cli.exit import failed, wrong_address
from clients.cli.listening import Interrupt, StatusLine
from clients.connection.address import AddressError
from clients.connection.errors import RequestError

AT_ONCE = 300.0
"""Seconds of sound that are sent in one request; ``asr`` takes no more."""

AT_ONCE_BYTES = 2**27
"""Of a file that is sent in one request: the server holds it more than once."""

STREAMED = ("asr", "asr_bls")
"""The pipelines whose text ``asr_stream`` gives as well."""

TOO_LONG = "that a request may have"
"""In the refusal of a sound that is longer than ``asr`` takes at once."""

STREAM_OPTIONS = {"beam", "word_list"}
"""Those that ``asr_stream`` takes as well."""

LIVE_PIECE, FILE_PIECE = 0.3, 20.0
"""Seconds of a piece: short for someone who waits for each word, long for a file."""


def hear(
    sound: str | None,
    options: dict[str, Option],
    *,
    live: bool,
    as_srt: bool,
    as_vtt: bool,
    json: bool,
    url: str,
    model: str,
    timeout: float,
    patience: float,
) -> None:
    """Reads a sound and prints what was said, as the options of ``asr`` say.

    Args:
        sound: a file, ``-`` for standard input; None for the microphone.
        options: of the request.

    Raises:
        typer.Exit: it could not be read; it was said why.
    """
    status = StatusLine()
    try:
        with (
            closing(status),
            AsrClient(
                url, model, timeout=timeout, patience=patience, waiting=status.show
            ) as client,
            closing(_segments(client, sound, live, options, model, status)) as segments,
        ):
            heard = _printed(segments, as_srt=as_srt, as_vtt=as_vtt, json=json)
    except AddressError as problem:
        raise wrong_address(problem) from problem
    except (RequestError, SoundError) as problem:
        raise failed(str(problem)) from problem
    except BrokenPipeError:
        # What is still in the buffer would be written, and fail again, as Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    if not heard:
        typer.echo("no speech found", err=True)


def _segments(
    client: AsrClient,
    sound: str | None,
    live: bool,
    options: dict[str, Option],
    model: str,
    status: StatusLine,
) -> Generator[Segment]:
    if sound is None:
        return _live(client, microphone(LIVE_PIECE), RATE, options, status)
    if sound == "-":
        pieces = standard_input(cast(BufferedReader, sys.stdin.buffer), LIVE_PIECE)
        return _live(client, pieces, RATE, options, status)
    path = Path(sound)
    file = SoundFile(path)
    if live:
        pieces = file.pieces(LIVE_PIECE, live=True)
        return _live(client, pieces, file.rate, options, status)
    streamed = model in STREAMED and options.keys() <= STREAM_OPTIONS
    long = file.seconds > AT_ONCE or path.stat().st_size > AT_ONCE_BYTES
    if long and streamed:
        return _long(client, file, options, status)
    return _at_once(client, file, options, model, status, streamed)


def _at_once(
    client: AsrClient,
    file: SoundFile,
    options: dict[str, Option],
    model: str,
    status: StatusLine,
    streamed: bool,
) -> Generator[Segment]:
    """A file in one request; it is streamed where it is longer than its header says."""
    try:
        segments = client.transcribe_file(file.path, **options)
    except RequestError as problem:
        if TOO_LONG not in str(problem):
            raise
        if streamed:
            yield from _long(client, file, options, status)
            return
        told = str(problem).partition(";")[0]
        raise SoundError(
            f"{model} cannot be asked: {told}; cut the file, or read it with "
            f"--model {STREAMED[0]} and its options alone, which streams it"
        ) from problem
    yield from segments


def _live(
    client: AsrClient,
    pieces: Iterable[Piece],
    rate: int,
    options: dict[str, Option],
    status: StatusLine,
) -> Generator[Segment]:
    """Segments as they end; on a terminal the words so far stand below them."""
    try:
        with (
            Interrupt() as interrupt,
            closing(client.stream(interrupt.until(pieces), rate, **options)) as stream,
        ):
            for heard in stream:
                if heard.ended:
                    status.clear()
                yield from heard.ended
                status.show(heard.partial)
    finally:
        status.clear()


class _Pieces:
    """A file's pieces, from its start however often they are asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Piece]:
        return SoundFile(self._path).pieces(FILE_PIECE)


def _long(
    client: AsrClient, file: SoundFile, options: dict[str, Option], status: StatusLine
) -> Generator[Segment]:
    """A file in long pieces; on a terminal how much was sent stands below the segments."""
    whole = f" of {file.seconds / 60:.0f}" if math.isfinite(file.seconds) else ""
    try:
        with closing(client.stream(_Pieces(file.path), file.rate, **options)) as stream:
            for number, heard in enumerate(stream, 1):
                if heard.ended:
                    status.clear()
                yield from heard.ended
                sent = min(number * FILE_PIECE, file.seconds)
                status.show(f"{sent / 60:.0f}{whole} minutes")
    finally:
        status.clear()


def _printed(segments: Iterator[Segment], *, as_srt: bool, as_vtt: bool, json: bool) -> bool:
    """Prints them as they come; whether there were any."""
    if json:
        listed = list(segments)
        typer.echo(as_json(listed))
        return bool(listed)
    found = False

    def counted() -> Iterator[Segment]:
        nonlocal found
        for segment in segments:
            found = True
            yield segment

    lines = srt(counted()) if as_srt else vtt(counted()) if as_vtt else map(line, counted())
    for each in lines:
        typer.echo(each)
        sys.stdout.flush()
    return found
