"""Runs kustomize: the overlay of a values file, as the bytes that ``kubectl apply`` is given."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from builders.bundle.errors import BundleError
from builders.bundle.overlay import overlay_of
from builders.bundle.parts import Parts
from builders.bundle.rendered.rules import breaches
from builders.bundle.values import Values

TIMEOUT = 120.0
"""Seconds; kustomize takes a fraction of one, and fetches nothing here."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KLOG = re.compile(r'^E[0-9]{4} .*? err="(.*)"$', re.DOTALL)
"""How kubectl logs an error."""


class RenderError(BundleError):
    """Nothing here renders, or kustomize refuses."""


def renderer() -> list[str]:
    """The command that renders a folder: kustomize where there is one, or else kubectl.

    Raises:
        RenderError: neither is on PATH.
    """
    if kustomize := shutil.which("kustomize"):
        return [kustomize, "build"]
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    raise RenderError(
        "expected kustomize or kubectl on PATH, found neither. Install kubectl "
        "(https://kubernetes.io/docs/tasks/tools/) or kustomize 5."
    )


def render(folder: Path) -> bytes:
    """What kustomize makes of a folder: YAML documents in UTF-8.

    Raises:
        RenderError: there is no kustomize, or it refuses; the text is its own.
    """
    command = [*renderer(), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RenderError(f"{command[0]} did not render: {error}") from error
    if done.returncode:
        said = _KLOG.sub(r"\1", done.stderr.decode(errors="replace").strip())
        raise RenderError(f"{Path(command[0]).name} refuses the overlay: {said}")
    return done.stdout


def rendered(values: Values, parts: Parts) -> bytes:
    """The objects of a values file, as kustomize prints them for its overlay.

    Raises:
        RenderError: there is no kustomize, it refuses, or what it gives breaks a rule of the
            bundle.
    """
    with tempfile.TemporaryDirectory() as name:
        # Kustomize follows links to a folder's real place, and takes relative paths only.
        folder = Path(name).resolve() / "overlay"
        write_overlay(values, parts, folder)
        output = render(folder)
    objects = [each for each in yaml.load_all(output, _LOADER) if each]
    if broken := [sentence for told in breaches(objects).values() for sentence in told]:
        raise RenderError("\nerror: ".join(f"{each}." for each in broken))
    return output


def write_overlay(values: Values, parts: Parts, folder: Path) -> None:
    """Writes the overlay of a values file, for kustomize or for editing by hand.

    Args:
        values: what it is.
        parts: the bundle, which it names by relative paths.
        folder: an empty one, or none yet.

    Raises:
        OSError: it cannot be written.
    """
    folder = folder.absolute()
    files = overlay_of(values, parts, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.{os.getpid()}"
    try:
        for name, text in files.items():
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        # Whole, or not at all: an empty folder is replaced in the same step.
        beside.replace(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
