"""Where the kit's own files lie: in a checkout, or installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The folder of the kit's packages."""

PACKAGES = ("repository", "builders", "runtime", "clients", "perf", "training", "gateway", "tmk")
"""The kit's own packages, which all lie there; where it is installed, those of others do too."""

IS_CHECKOUT = (ROOT / "pyproject.toml").is_file()
"""Whether this is a checkout, in which the kit keeps what it makes for itself."""

IS_INSTALLED = not IS_CHECKOUT and (ROOT / "tmk").is_dir()
"""Whether the whole kit is installed; `repository/` may also lie somewhere by itself."""


def _data() -> Path:
    """A place for this Python, in the user's folder for data."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return data / "triton-multimodal-kit" / python


MADE = ROOT if IS_CHECKOUT else _data()
"""Where the kit puts what it makes for itself, as an environment."""


def made_folder(name: str) -> Path:
    """Where a folder lies that the kit makes for itself.

    Args:
        name: as it is called in a checkout, with a dot before it.
    """
    return MADE / (name if IS_CHECKOUT else name.lstrip("."))
