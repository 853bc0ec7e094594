"""The profile that serves ONNX files, with a comment for whatever may be changed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from builders.wrap.described import described
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


def profile_text(models: Sequence[Wrapped], release: Release, folder: Path) -> str:
    """YAML, which :func:`builders.kit.recipe.profile.load_profile` reads.

    Args:
        models: what it serves.
        release: the Triton that will serve it.
        folder: where the profile will lie, from which its paths start.
    """
    return "".join(_parts(models, release, folder))


def _parts(models: Sequence[Wrapped], release: Release, folder: Path) -> Iterator[str]:
    yield f'triton: "{release.name}"  # the release that will serve it\n'
    yield "device: cpu  # or gpu\n"
    yield "precision: fp32\n"
    yield "families:\n  onnx:\n    models:\n"
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
