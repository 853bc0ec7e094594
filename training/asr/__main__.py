"""``python -m training.asr``: the command line; ``--help`` says what it does."""

from __future__ import annotations

from training.asr.cli import app

if __name__ == "__main__":
    app(prog_name="python -m training.asr")
