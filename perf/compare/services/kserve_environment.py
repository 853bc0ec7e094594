"""The environment that KServe's model server runs in.

KServe wants an older psutil and python-dateutil than the project's own environment has, and its
generated modules cannot be imported beside tritonclient's. So it has an environment of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from perf.measure.environment import Environment
from repository.places import made_folder

FOLDER = made_folder(".venv-kserve")
REQUIREMENTS = Path(__file__).with_name("kserve_requirements.txt")


def install(folder: Path = FOLDER, *, report: Callable[[str], None] = lambda _: None) -> Path:
    """Makes the environment, unless it is there already.

    Args:
        folder: its root.
        report: gets a line before anything is made.

    Returns:
        its root.

    Raises:
        LegFailed: Python's venv module or pip failed; the sentence has the command to repeat.
    """
    made = Environment(folder.absolute(), REQUIREMENTS, "KServe's model server")
    return made.install(report)
