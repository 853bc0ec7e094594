"""What the local server needs of a machine, and whether this one has it."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import sysconfig
from pathlib import Path

from runtime.errors import EnvironmentUnfit

PYTHONS = ((3, 11), (3, 12))
GLIBC = (2, 35)
"""The oldest glibc that the wheel of Triton's binary (manylinux_2_35) runs on."""

GPU_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""What NVIDIA's driver makes; the second one under WSL."""


def has_gpu() -> bool:
    """Whether this machine shows an NVIDIA GPU's driver."""
    return any(each.exists() for each in GPU_DEVICES)


def check_machine() -> None:
    """Whether the local server can run on this machine with this interpreter.

    Raises:
        EnvironmentUnfit: not Linux on x86-64, a Python other than 3.11 or 3.12, a glibc older
            than 2.35, or no shared libpython.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise EnvironmentUnfit(
            "The local Triton server runs on Linux on x86-64 only, and this is "
            f"{platform.system()} on {platform.machine()}; "
            "serve the repository in a container.",
            arguments=("engine",),
        )
    if sys.version_info[:2] not in PYTHONS:
        raise EnvironmentUnfit(
            "The pinned packages fit Python 3.11 and 3.12, and this is Python "
            f"{platform.python_version()}; set the project up again with one of those."
        )
    version = glibc()
    if version is None or version < GLIBC:
        found = "another C library" if version is None else f"glibc {'.'.join(map(str, version))}"
        raise EnvironmentUnfit(
            f"Triton's binary needs glibc 2.35 or newer, and this machine has {found}; "
            "use a newer distribution (Debian 12, Ubuntu 22.04), or serve in a container.",
            arguments=("engine",),
        )
    if not has_libpython():
        raise EnvironmentUnfit(
            f"Triton's Python stub needs {libpython_name()}, and this Python has no shared "
            f"library; install it (Debian and Ubuntu: apt-get install libpython3."
            f"{sys.version_info.minor}) or use a Python built with --enable-shared."
        )


def glibc() -> tuple[int, ...] | None:
    """The version of this machine's glibc, as (2, 35); None if the C library is another."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (OSError, ValueError):
        return None
    return tuple(map(int, version.split("."))) if name == "glibc" else None


def libpython_name() -> str:
    """The shared library that the stub of this minor version is linked to."""
    return f"libpython3.{sys.version_info.minor}.so.1.0"


def libpython_folder() -> Path | None:
    """The folder of this interpreter's own shared library, None if it has none there."""
    folder = Path(sysconfig.get_config_var("LIBDIR") or "/nonexistent")
    return folder if (folder / libpython_name()).is_file() else None


def has_libpython() -> bool:
    """Whether that library is found: in the interpreter's own folder, or by the loader."""
    if libpython_folder() is not None:
        return True
    try:
        ctypes.CDLL(libpython_name())
    except OSError:
        return False
    return True
