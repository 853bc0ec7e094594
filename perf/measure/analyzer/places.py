"""Finds a perf_analyzer that runs here: an installed one, an SDK container's, or ours."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from perf.errors import AnalyzerMissing
from perf.measure.analyzer.analyzer import Analyzer
from repository.children import ending_with_parent
from repository.places import made_folder

FOLDER = made_folder(".perf_analyzer")
"""Where :func:`perf.measure.analyzer.install` puts its own: ``bin/perf_analyzer`` and ``lib``."""

SDK_PLACES = (
    Path("/workspace/install/bin/perf_analyzer"),
    Path("/opt/tritonserver/clients/bin/perf_analyzer"),
)
"""Where NVIDIA's SDK containers have had it, when it is not on PATH."""

OLDEST = (2, 51)
"""Its version must be at least this one: older ones lack ``--warmup-request-count``."""

_VERSION = re.compile(r"Perf Analyzer Version (\d+)\.(\d+)(\.\d+)?")
_SECONDS = 20.0
"""Time for a perf_analyzer to say its version; a wrapper in Python takes a second."""


def find() -> Analyzer:
    """The first that runs: on PATH, beside this Python, in an SDK container's places, ours.

    Raises:
        AnalyzerMissing: there is none; the message says why each one that was found cannot be used,
            and how to get one.
    """
    refused = []
    for path, origin, libraries in _candidates():
        try:
            return Analyzer(path, version(path, libraries), origin, libraries)
        except AnalyzerMissing as problem:
            refused.append(str(problem))
    raise AnalyzerMissing(
        f"{'; '.join(refused) if refused else 'There is no perf_analyzer on PATH'}. "
        "`python -m perf install` fetches one that runs here (`pip install perf-analyzer` brings "
        "an empty placeholder where glibc is older than 2.38)."
    )


def version(path: Path, libraries: Path | None = None) -> str:
    """What a perf_analyzer says of itself.

    Args:
        path: the command.
        libraries: a folder of shared libraries that it needs.

    Raises:
        AnalyzerMissing: it does not run, is something else, or is too old; without the remedy.
    """
    variables = dict(os.environ)
    if libraries is not None:
        variables["LD_LIBRARY_PATH"] = str(libraries)
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            env=variables,
            preexec_fn=ending_with_parent(signal.SIGKILL),
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        reason = getattr(problem, "strerror", None) or f"no answer within {_SECONDS:g} s"
        raise AnalyzerMissing(f"{path} does not run ({reason})") from None
    found = _VERSION.search(done.stdout + done.stderr)  # 2.51 says it on standard error
    if done.returncode or found is None:
        said = (done.stderr or done.stdout).strip().splitlines()
        reason = said[-1][-200:] if said else f"exit code {done.returncode}, and it said nothing"
        raise AnalyzerMissing(f"{path} does not run as perf_analyzer ({reason})")
    if (int(found[1]), int(found[2])) < OLDEST:
        raise AnalyzerMissing(
            f"{path} is version {found[1]}.{found[2]}, expected {OLDEST[0]}.{OLDEST[1]} or newer"
        )
    return f"{found[1]}.{found[2]}{found[3] or ''}"


def _candidates() -> Iterator[tuple[Path, str, Path | None]]:
    """Commands that are there, with their origin and libraries."""
    own = FOLDER / "bin" / "perf_analyzer"
    for folder in (os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)):
        if (found := shutil.which("perf_analyzer", path=folder)) is not None:
            yield Path(found), f"installed: {found}", None
    for place in SDK_PLACES:
        if place.is_file():
            yield place, f"SDK container: {place}", None
    if own.is_file():
        libraries = FOLDER / "lib"
        yield own, "python -m perf install", libraries if libraries.is_dir() else None
