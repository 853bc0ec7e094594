"""The sample page and the sample talk, each with a text file that says what is in it; scenes."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent

PAGE, PAGE_TEXT = _HERE / "page.png", _HERE / "page.txt"
TALK, TALK_TEXT = _HERE / "talk.wav", _HERE / "talk.txt"
SCENES = _HERE / "scenes"
"""Drawn scenes, and ``scenes.json`` with a caption, a question and its answer for each."""
