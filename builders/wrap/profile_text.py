"""The profile that serves files and folders, with a comment for whatever may be changed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from builders.wrap.checkpoint import Taken
from builders.wrap.described import described, described_folder
from builders.wrap.given import Given
from builders.wrap.understood import ROWS, Wrapped
from repository.release import Release

_WIDTH = 90
"""Columns of a comment."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.~-]*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
"""What YAML takes for other things than texts."""

_METRIC = """\
        # A function of yours that gates the build, and the worst score that passes:
        # metric: "path:score.py:accuracy"
        # bound: 0.9
"""


def profile_text(given: Given, release: Release, folder: Path) -> str:
    """YAML, which :func:`builders.kit.recipe.profile.load_profile` reads.

    Args:
        given: what it serves.
        release: the Triton that will serve it.
        folder: where the profile will lie, from which its paths start.
    """
    parts = [_head(release), *_folders(given.folders, folder)]
    if given.models:
        parts += _models(given.models, folder)
    return "".join(parts)


def _head(release: Release) -> str:
    return (
        f'triton: "{release.name}"  # the release that will serve it\n'
        "device: cpu  # or gpu\n"
        "precision: fp32\n"
        "families:\n"
    )


def _folders(folders: Sequence[Taken], folder: Path) -> Iterator[str]:
    for family in dict.fromkeys(each.family for each in folders):
        own = [each for each in folders if each.family == family]
        for each in own:
            for line in described_folder(each, _WIDTH):
                yield f"  # {line}".rstrip() + "\n"
        indent = "    " if own[0].configured else "      "
        yield f"  {_key(family)}:\n"
        if not own[0].configured:
            yield "    sources:\n"
        for each in own:
            yield f"{indent}{_key(each.component)}: {_source(each.path, folder)}\n"
        named = {each.component for each in own}
        if beside := [each for each in own[0].beside if each not in named]:
            yield f"{indent}# More keys that may stand here: {', '.join(beside)}\n"


def _models(models: Sequence[Wrapped], folder: Path) -> Iterator[str]:
    yield "  onnx:\n    models:\n"
    for number, each in enumerate(models):
        yield "\n" if number else ""
        for line in described(each, _WIDTH):
            yield f"      # {line}".rstrip() + "\n"
        yield f"      {_key(each.name)}:\n"
        yield f"        source: {_source(each.path, folder)}\n"
        if each.operators:
            libraries = [f"path:{library}" for library in each.operators]
            yield "        # It has to lie there on every machine that serves the model:\n"
            yield f"        operators: {json.dumps(libraries, ensure_ascii=False)}\n"
        if each.unbatched:
            yield "        max_batch_size: 0\n"
        else:
            yield f"        max_batch_size: {ROWS}  # the most rows of one run\n"
            yield "        dynamic_batching: {max_queue_delay_microseconds: 0}\n"
        if each.file.optional:
            names = [optional.name for optional in each.file.optional]
            yield f"        # optional_inputs: {json.dumps(names, ensure_ascii=False)}\n"
        yield "        # instances: 2  # copies that run side by side\n"
        yield _METRIC


def _source(path: Path, folder: Path) -> str:
    """A text as JSON, which is YAML too."""
    relative = os.path.relpath(path.absolute(), folder.absolute())
    named = f"./{relative}" if relative.startswith("~") else relative
    return json.dumps(f"path:{named}", ensure_ascii=False)


def _key(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.lower() not in _WORDS
    return name if plain else json.dumps(name)
