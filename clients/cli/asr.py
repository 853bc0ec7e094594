"""``python -m clients asr``: a sound file, a microphone or a pipe to text, subtitles or JSON."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from io import BufferedReader
from pathlib import Path
from typing import Annotated, cast

import typer

from clients.asr.captions import as_json, line, srt, vtt
from clients.asr.client import AsrClient, Option, Segment
from clients.asr.sound import RATE, Piece, SoundError, SoundFile, microphone, standard_input
from clients.cli.exit import failed, wrong_address
from clients.cli.listening import Interrupt, StatusLine
from clients.cli.options import Patience, Timeout, Url
from clients.connection.address import AddressError
from clients.connection.connection import INT32, PATIENCE
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


def asr(
    sound: Annotated[
        str | None,
        typer.Argument(
            help="A WAV, FLAC, OGG or MP3 file; '-' for 16-bit samples at 16 kHz on standard input."
        ),
    ] = None,
    as_srt: Annotated[bool, typer.Option("--srt", help="Print SubRip subtitles.")] = False,
    as_vtt: Annotated[bool, typer.Option("--vtt", help="Print WebVTT subtitles.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print segments and words with times as JSON.")
    ] = False,
    mic: Annotated[
        bool, typer.Option("--microphone", help="Listen to the microphone until Ctrl-C.")
    ] = False,
    live: Annotated[
        bool, typer.Option(help="Send the file as if it were being spoken, with partial results.")
    ] = False,
    language: Annotated[
        str | None, typer.Option(help="The language spoken, as 'en', for a model that asks for it.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="transcribe or translate, for a model that does both.")
    ] = None,
    beam: Annotated[
        int | None,
        typer.Option(
            min=1, max=INT32, help="Search with a beam this wide; 1 is greedy, and quickest."
        ),
    ] = None,
    word_list: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read no words but those in this text file; for CTC models, as the demo's.",
        ),
    ] = None,
    url: Url = "127.0.0.1:8001",
    model: Annotated[
        str, typer.Option(help="The pipeline for files: asr, asr_bls or asr_whisper.")
    ] = "asr",
    timeout: Timeout = 120.0,
    patience: Patience = PATIENCE,
) -> None:
    """Read speech: its segments with their times, or subtitles.

    A file longer than five minutes is streamed, and its segments are printed as they come.
    """
    if (sound is None) != mic:
        raise typer.BadParameter("name one sound: a file, '-', or --microphone")
    if as_srt + as_vtt + json > 1:
        raise typer.BadParameter("choose one of --srt, --vtt and --json")
    given = {"language": language, "task": task}
    options: dict[str, Option] = {name: value for name, value in given.items() if value}
    if options and (live or sound in (None, "-")):
        raise typer.BadParameter("--language and --task are for files that are not sent live")
    if beam is not None:
        options["beam"] = beam
    if word_list is not None:
        options["word_list"] = _words(word_list)
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


def _words(path: Path) -> list[str]:
    """The words of a text file, however white space parts them."""
    try:
        return path.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "not UTF-8 text"
        raise typer.BadParameter(
            f"{path}: expected a text file of words, found: {why}", param_hint="--word-list"
        ) from problem


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
