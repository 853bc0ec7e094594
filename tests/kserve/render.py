"""Kustomize's output for overlays, bases and components, each rendered once a session."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.kserve.crds import ROOT, Loader

Object = dict[str, Any]

KSERVE = ROOT / "kserve"
SHORT_LIVED = {"GOGC": "off", "GOMAXPROCS": "1"}
"""For a Go program that lives a tenth of a second: no garbage collector and no second thread."""


class RenderError(Exception):
    """A kustomization does not render, or nothing here can render it."""


def tool() -> list[str]:
    """The command that renders: kustomize where there is one, or else kubectl.

    Raises:
        RenderError: neither is on PATH.
    """
    if kustomize := shutil.which("kustomize"):
        return [kustomize, "build"]
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    raise RenderError(
        "Neither kustomize nor kubectl is on PATH, and rendering kserve/ needs one of them: "
        "install kubectl (https://kubernetes.io/docs/tasks/tools/) or kustomize 5."
    )


def render(folder: Path) -> list[Object]:
    """The objects of a folder with a kustomization.

    Raises:
        RenderError: it does not render; the text is kustomize's own.
    """
    result = subprocess.run(
        [*tool(), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**SHORT_LIVED, **os.environ},
    )
    if result.returncode:
        raise RenderError(f"{folder}: {result.stderr.strip()}")
    if result.stderr.strip():
        raise RenderError(f"{folder}: expected no warnings, found {result.stderr.strip()}")
    return [document for document in yaml.load_all(result.stdout, Loader) if document]


def shipped(*resources: str, components: tuple[str, ...] = ()) -> list[Object]:
    """The objects of folders below kserve/ with components laid over, as copies to change.

    Args:
        resources: as ``overlays/gpu`` or ``base/services/ocr``.
        components: names of folders in ``kserve/components``, in order.
    """
    return copy.deepcopy(_shipped(resources, components))


@cache
def _shipped(resources: tuple[str, ...], components: tuple[str, ...]) -> list[Object]:
    if len(resources) == 1 and not components:
        return render(KSERVE / resources[0])
    with tempfile.TemporaryDirectory() as name:
        # Kustomize takes relative paths alone, and looks at where a folder really is.
        folder = Path(name).resolve()
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(KSERVE / each, folder) for each in resources],
            "components": [
                os.path.relpath(KSERVE / "components" / each, folder) for each in components
            ],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        return render(folder)


def kustomization(folder: str) -> Object:
    """A folder's kustomization as it is written."""
    text = (KSERVE / folder / "kustomization.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader))


def rendered(stacks: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Renders overlays with components that are not rendered yet, two at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for _ in pool.map(lambda stack: _shipped((stack[0],), stack[1]), stacks):
            pass


def folders(below: str) -> list[str]:
    """The folders below ``kserve/<below>`` that hold a kustomization, as ``overlays/gpu``."""
    found = (KSERVE / below).rglob("kustomization.yaml")
    return sorted(str(path.parent.relative_to(KSERVE)) for path in found)
