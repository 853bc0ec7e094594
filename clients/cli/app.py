"""The client's command line: ``python -m clients ocr | asr | infer``."""

from __future__ import annotations

import typer

from clients.cli.asr import asr
from clients.cli.infer import infer
from clients.cli.ocr import ocr
from repository.cli.panels import ASK

_CODES = "Exit codes: 0 answered, 1 refused or no server, 2 wrong usage, 130 interrupted."

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Ask a served pipeline or model, and print its answer.",
)
app.command(
    rich_help_panel=ASK,
    epilog="Examples: `python -m clients ocr page.png` · "
    "`python -m clients ocr page.png --draw out.png` · "
    "`python -m clients ocr letter.pdf --markdown --page 2` · "
    f"`python -m clients ocr page.png --json | jq '.[].text'`. {_CODES}",
)(ocr)
app.command(
    rich_help_panel=ASK,
    epilog="Examples: `python -m clients asr talk.wav` · `python -m clients asr talk.wav --srt` · "
    "`python -m clients asr --microphone` · "
    f"`ffmpeg -i film.mp4 -f s16le -ar 16000 -ac 1 - | python -m clients asr -`. {_CODES}",
)(asr)
app.command(
    rich_help_panel=ASK,
    epilog="Examples: `python -m clients infer scorer --input x=data.npy` · "
    "`python -m clients infer scorer -i 'x=[[0.5, 1, 2]]' --json` · "
    f"`python -m clients infer scorer --random --shape x=4,16`. {_CODES}",
)(infer)
