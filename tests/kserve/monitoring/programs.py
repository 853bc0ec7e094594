"""Prometheus and promtool: those on PATH, or else Debian's, unpacked into the checkout."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.kserve.schemas.crds import ROOT

UNPACKED = ROOT / ".prometheus"
"""Where Debian's package is unpacked; git ignores it."""


class NoPrometheus(Exception):
    """It is not there and cannot be had; one sentence with the remedy."""


def program(name: str) -> str:
    """The path of ``prometheus`` or ``promtool``.

    Raises:
        NoPrometheus: it is not on PATH, and apt-get or dpkg-deb does not bring it.
    """
    if found := shutil.which(name):
        return found
    path = UNPACKED / "usr" / "bin" / name
    if not path.is_file():
        _unpack()
    return str(path)


def _unpack() -> None:
    """Without root: the package is only downloaded and unpacked, not installed."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            _run(["apt-get", "download", "prometheus"], Path(folder))
            (package,) = Path(folder).glob("prometheus_*.deb")
            _run(["dpkg-deb", "-x", str(package), "unpacked"], Path(folder))
            shutil.copytree(Path(folder) / "unpacked", UNPACKED, dirs_exist_ok=True, symlinks=True)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        words = str(getattr(error, "stderr", None) or error).strip()
        raise NoPrometheus(
            "Neither prometheus nor promtool is on PATH, and Debian's package cannot be had "
            f"({words}): install it (apt-get install prometheus), or put both on PATH."
        ) from error


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=240)
