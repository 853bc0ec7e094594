"""``python -m clients asr``: a sound file, a microphone or a pipe to text, subtitles or JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from clients.asr import AsrClient, Heard, Segment
from clients.captions import as_json, line, srt, vtt
from clients.errors import RequestError
from clients.sound import RATE, Piece, SoundError, SoundFile, microphone, raw_pieces

AT_ONCE = 600.0
"""Seconds of sound that are sent in one request; ``asr`` takes no more."""

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
    url: Annotated[
        str, typer.Option(envvar="TRITON_GRPC", help="The server's gRPC address.")
    ] = "127.0.0.1:8001",
    model: Annotated[
        str, typer.Option(help="The pipeline for files: asr, asr_bls or asr_whisper.")
    ] = "asr",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 120.0,
) -> None:
    """Read speech: its segments with their times, or subtitles.

    A file longer than ten minutes is streamed in pieces, and its segments are printed as they come.
    """
    if (sound is None) != mic:
        raise typer.BadParameter("name one sound: a file, '-', or --microphone")
    if as_srt + as_vtt + json > 1:
        raise typer.BadParameter("choose one of --srt, --vtt and --json")
    options = {"language": language, "task": task}
    try:
        with AsrClient(url, model, timeout=timeout) as client:
            segments = _segments(client, sound, live, {k: v for k, v in options.items() if v})
            heard = _printed(segments, as_srt=as_srt, as_vtt=as_vtt, json=json)
    except (RequestError, SoundError) as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(1) from problem
    except BrokenPipeError:
        raise typer.Exit(1) from None
    if not heard:
        typer.echo("no speech found", err=True)


def _segments(
    client: AsrClient, sound: str | None, live: bool, options: dict[str, str]
) -> Iterator[Segment]:
    if sound is None:
        return _streamed(client, microphone(LIVE_PIECE), RATE)
    if sound == "-":
        return _streamed(client, raw_pieces(sys.stdin.buffer, LIVE_PIECE), RATE)
    file = SoundFile(Path(sound))
    if live:
        return _streamed(client, file.pieces(LIVE_PIECE, live=True), file.rate)
    if file.seconds > AT_ONCE and not options:
        pieces = _with_progress(file.pieces(FILE_PIECE), file)
        return _streamed(client, pieces, file.rate, partial=False)
    return iter(client.transcribe_file(Path(sound), **options))


def _streamed(
    client: AsrClient, pieces: Iterable[Piece], rate: int, *, partial: bool = True
) -> Iterator[Segment]:
    """Segments as they end; on a terminal the words so far stand in a line that is overwritten."""
    shown = partial and sys.stderr.isatty()
    try:
        for heard in client.stream(_until_interrupt(pieces), rate):
            if shown and heard.ended:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
            yield from heard.ended
            if shown:
                _overwrite(heard)
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")


def _until_interrupt(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Ctrl-C ends the sound, not the program: what was said last is still to come."""
    try:
        yield from pieces
    except KeyboardInterrupt:
        return


def _overwrite(heard: Heard) -> None:
    words = heard.partial[-70:]
    sys.stderr.write(f"\r\x1b[K{words}" if words else "\r\x1b[K")
    sys.stderr.flush()


def _with_progress(pieces: Iterable[Piece], file: SoundFile) -> Iterator[Piece]:
    """The pieces, and on a terminal how much of the file was sent."""
    sent = 0
    for piece in pieces:
        yield piece
        sent += len(piece)
        if sys.stderr.isatty():
            share = min(sent / file.rate / file.seconds, 1.0)
            sys.stderr.write(f"\r\x1b[K{share:4.0%} of {file.seconds / 60:.0f} minutes")
            sys.stderr.flush()


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
