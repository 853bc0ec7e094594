"""The commands that install packages, for errors and help.

They stand apart from :mod:`repository.places`, which exports import: another sentence here makes no
export anew.
"""

from __future__ import annotations

from repository.places import IS_INSTALLED


def install_command(extra: str) -> str:
    """The command that installs the kit's packages with those of an extra."""
    if IS_INSTALLED:
        return f"pip install 'triton-multimodal-kit[{extra}]'"
    return f"pip install -c constraints.txt -e '.[{extra}]'"


def requirements_command(name: str) -> str:
    """The command that installs what `repository/` needs for a thing by itself.

    Args:
        name: a file in ``repository/requirements``, which is also an extra of the kit.
    """
    if IS_INSTALLED:
        return install_command(name)
    return f"pip install -r repository/requirements/{name}.txt"
