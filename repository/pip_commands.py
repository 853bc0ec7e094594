"""The commands that install packages, for errors and help.

They stand apart from :mod:`repository.places`, which exports import: another sentence here makes no
export anew.
"""

from __future__ import annotations

import re
import shlex
from importlib.metadata import requires
from pathlib import Path

from repository.places import IS_INSTALLED, ROOT


def install_command(extra: str) -> str:
    """The command that adds the packages of one of the kit's extras.

    Where the kit is installed it names the packages: no package index has the kit itself.
    """
    if not IS_INSTALLED:
        return f"pip install -c constraints.txt -e '.[{extra}]'"
    of_extra = re.compile(rf"extra == ['\"]{extra}['\"]")
    required = (each.partition(";") for each in requires("triton-multimodal-kit") or ())
    packages = (each.strip() for each, _, when in required if of_extra.search(when))
    return shlex.join(["pip", "install", *packages])


def requirements_command(name: str) -> str:
    """The command that installs what `repository/` needs for a thing by itself.

    Args:
        name: a file in ``repository/requirements``, which is also an extra of the kit.
    """
    path = Path("repository", "requirements", f"{name}.txt")
    return shlex.join(["pip", "install", "-r", str(ROOT / path if IS_INSTALLED else path)])
