"""The command ``asr``. It imports nothing heavy before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli.options import Patience, Timeout, Url
from clients.connection.bounds import INT32, PATIENCE

if TYPE_CHECKING:
    from clients.asr.client import Option


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
        str | None,
        typer.Option(
            metavar="<transcribe|translate>", help="What to write, for a model that does both."
        ),
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
    from clients.cli.hear import hear

    hear(
        sound,
        options,
        live=live,
        as_srt=as_srt,
        as_vtt=as_vtt,
        json=json,
        url=url,
        model=model,
        timeout=timeout,
        patience=patience,
    )


def _words(path: Path) -> list[str]:
    """The words of a text file, however white space parts them."""
    try:
        return path.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "not UTF-8 text"
        raise typer.BadParameter(
            f"{path}: expected a text file of words, found: {why}", param_hint="--word-list"
        ) from problem
