"""Scenes to score a model on: images with their captions, and questions about them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.kit.sources import SourceError, parse
from builders.kit.sources.error import read_settings

FILE = "scenes.json"

SHIPPED = Path(__file__).parent / "evaluation"
"""Those of the shipped checkpoints: 130 drawn scenes that no training used."""


@dataclass(frozen=True)
class Scene:
    """An image.

    Attributes:
        image: its file.
        caption: what is in it, in words that fit no other scene as well.
        questions: questions about it, each with its answer.
        part: of the scenes, a name; the questions of a part may have a gate of their own.
    """

    image: Path
    caption: str
    questions: tuple[tuple[str, str], ...]
    part: str = ""


def scenes_at(uri: str, base: Path) -> Path:
    """The folder of scenes that a profile names.

    Args:
        uri: ``path:`` and the folder.
        base: where a relative path starts.

    Raises:
        SourceError: it is another URI, or as of :func:`read_scenes`.
    """
    reference = parse(uri)
    if reference.scheme != "path":
        raise SourceError(f"{uri}: expected path: and a folder, found {reference.scheme}:")
    # Unlike Path's, this one leaves the name of an unknown user as it is.
    folder = base / os.path.expanduser(reference.name)  # noqa: PTH111
    read_scenes(folder)
    return folder


def read_scenes(folder: Path) -> list[Scene]:
    """The scenes that ``scenes.json`` in a folder lists.

    Raises:
        SourceError: there is none, or it is not such a list, or an image is missing.
    """
    file = folder / FILE
    if not file.is_file():
        raise SourceError(
            f"{folder}: expected {FILE}, found none. Write one like that in builders/scenes/"
            "evaluation."
        )
    scenes = list(_scenes(folder, read_settings(file).get("scenes")))
    if not scenes:
        raise SourceError(f"{file}: expected scenes, found none. Write at least one.")
    return scenes


def _scenes(folder: Path, listed: Any) -> Iterator[Scene]:
    for number, each in enumerate(listed if isinstance(listed, list) else []):
        scene = _scene(folder, each)
        if scene is None:
            raise SourceError(
                f"{folder / FILE}, scenes.{number}: expected 'image' (a file in the same folder), "
                "'caption', and perhaps 'questions' (each with 'question' and 'answer'), found "
                "other values, or no such file. Correct it."
            )
        yield scene


def _scene(folder: Path, content: Any) -> Scene | None:
    try:
        name, caption, part = content["image"], content["caption"], content.get("part", "")
        questions = tuple(
            (each["question"], each["answer"]) for each in content.get("questions", ())
        )
    except (AttributeError, KeyError, TypeError):
        return None
    texts = (name, caption, part, *(text for pair in questions for text in pair))
    if not all(isinstance(text, str) for text in texts) or Path(name).name != name:
        return None
    image = folder / name
    return Scene(image, caption, questions, part) if image.is_file() else None
