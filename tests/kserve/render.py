"""Kustomize's output for overlays, bases and components, each rendered once a session."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from builders.bundle.render import RenderError, renderer
from tests.kserve.schemas.crds import ROOT, Loader

Object = dict[str, Any]

KSERVE = ROOT / "kserve"
SHORT_LIVED = {"GOGC": "off", "GOMAXPROCS": "1"}
"""For a Go program that lives a tenth of a second: no garbage collector and no second thread."""


def render(folder: Path) -> list[Object]:
    """The objects of a folder with a kustomization.

    Raises:
        RenderError: it does not render; the text is kustomize's own.
    """
    result = subprocess.run(
        [*renderer(), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**SHORT_LIVED, **os.environ},
    )
    if result.returncode:
        raise RenderError(f"{folder}: {result.stderr.strip()}")
    if result.stderr.strip():
        raise RenderError(f"{folder}: expected no warnings, found {result.stderr.strip()}")
    return parsed(result.stdout)


def parsed(text: str) -> list[Object]:
    """The objects of a rendering, as kustomize prints it."""
    documents = map(_document, re.split(r"^---$", text, flags=re.MULTILINE))
    return [json.loads(each) for each in documents if each != "null"]


@cache
def _document(text: str) -> str:
    """A YAML document as JSON, once a session: most renderings have most documents in common."""
    return json.dumps(yaml.load(text, Loader))


def shipped(*resources: str, components: tuple[str, ...] = ()) -> list[Object]:
    """The objects of folders below kserve/ with components laid over, as copies to change.

    Args:
        resources: as ``overlays/gpu`` or ``base/services/ocr``.
        components: names of folders in ``kserve/components``, in order.
    """
    if len(resources) == 1 and not components:
        return _copies(_folder(KSERVE / resources[0]))
    return composed(resources, components)


def composed(
    resources: Iterable[str], components: Iterable[str] = (), **fields: object
) -> list[Object]:
    """The objects of a kustomization that lies nowhere, as copies to change.

    Args:
        resources: as of :func:`shipped`.
        components: as of :func:`shipped`.
        fields: what else it has; ``transformers`` are folders below kserve/.

    Raises:
        RenderError: it does not render.
    """
    paths = {
        "resources": [*resources],
        "components": [f"components/{each}" for each in components],
    }
    return _copies(_composed(KSERVE, json.dumps({**paths, **fields}, sort_keys=True)))


@cache
def _folder(folder: Path) -> tuple[str, ...]:
    return tuple(map(json.dumps, render(folder)))


@cache
def _composed(kserve: Path, text: str) -> tuple[str, ...]:
    written = json.loads(text)
    with tempfile.TemporaryDirectory() as name:
        # Kustomize takes relative paths alone, and looks at where a folder really is.
        folder = Path(name).resolve()
        for key in ("resources", "components", "transformers"):
            if key in written:
                written[key] = [os.path.relpath(kserve / each, folder) for each in written[key]]
        (folder / "kustomization.yaml").write_text(json.dumps(written), encoding="utf-8")
        return tuple(map(json.dumps, render(folder)))


def _copies(texts: tuple[str, ...]) -> list[Object]:
    return [json.loads(each) for each in texts]


def kustomization(folder: str) -> Object:
    """A folder's kustomization as it is written."""
    text = (KSERVE / folder / "kustomization.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader))


def rendered(stacks: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Renders overlays with components that are not rendered yet, two at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for _ in pool.map(lambda stack: shipped(stack[0], components=stack[1]), stacks):
            pass


def folders(below: str) -> list[str]:
    """The folders below ``kserve/<below>`` that hold a kustomization, as ``overlays/gpu``."""
    found = (KSERVE / below).rglob("kustomization.yaml")
    return sorted(str(path.parent.relative_to(KSERVE)) for path in found)
