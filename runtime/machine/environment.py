"""The environment of the local server: where it is, and whether it is complete.

Triton's Python backend runs models in the interpreter whose minor version matches its stub, with
the packages of the first ``python3`` on PATH. That environment is not the builder's: the stub of
24.10 is built against numpy 1.
"""

from __future__ import annotations

import ctypes
import locale
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from repository.files.bounded_file import Unreadable
from repository.files.hashing import sha256_of
from repository.files.json_file import read_json
from repository.places import ROOT, made_folder
from runtime.errors import EnvironmentUnfit
from runtime.machine.needs import check_machine, libpython_folder

DEFAULT_ENVIRONMENT = made_folder(".venv-server")
REQUIREMENTS = ROOT / "runtime" / "requirements.txt"
STAMP = "runtime-stamp.json"

SITE_HOOK = ("triton_kit.pth", "import sys; sys.dont_write_bytecode = True\n")
"""A file in site-packages, by name and content. Stubs import models straight from the repository,
take no notice of PYTHONDONTWRITEBYTECODE, and would leave ``__pycache__`` folders in it."""

ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "268435456"}
"""Bytes, for glibc (mallopt(3)): blocks of up to 32 MB, its own upper bound for the first, come
from memory that a process keeps. By default every stage allocates an image of 2 MB anew for every
request, and each of its pages is a page fault. With these settings decoding took 0.5 to 0.8 of the
time and resizing 0.5 to 0.7, in two runs that measured both; the stubs' memory stayed the same.
"""

BLAS = {"OPENBLAS_NUM_THREADS": "1"}
"""Else numpy starts a thread for each core in every stub, which takes a tenth of its start, and 24
of them start at once. What stages multiply is small."""

TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}
"""Else ONNX Runtime (from 1.29) reports sessions to its makers, and writes below ``~/.cache``."""

_DROPPED = ("PYTHON", "AIP_")
"""Prefixes of variables that the server does not get: the interpreter's, and Vertex AI's, which
make Triton serve at other addresses."""

UTF8 = {"LC_ALL": "C.UTF-8"}
"""The locale of a server that has no UTF-8 one: for Triton, its shell, and what models start. A
stub's own interpreter takes no locale (24.10). glibc has this one itself since 2.35."""


def expected_stamp() -> dict[str, str]:
    """What a complete environment for this interpreter says of itself."""
    return {
        "python": platform.python_version(),
        "site_hook": SITE_HOOK[1],
        "requirements": sha256_of(REQUIREMENTS),
    }


def _is_utf8() -> bool:
    """Whether a program that is started now gets a locale of UTF-8; one that is not installed is
    the same as none."""
    libc = ctypes.CDLL(None)
    libc.newlocale.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    libc.newlocale.restype = ctypes.c_void_p
    libc.nl_langinfo_l.argtypes = (ctypes.c_int, ctypes.c_void_p)
    libc.nl_langinfo_l.restype = ctypes.c_char_p
    libc.freelocale.argtypes = (ctypes.c_void_p,)
    found = libc.newlocale(1 << locale.LC_CTYPE, b"", None)
    if not found:
        return False
    try:
        return bool(libc.nl_langinfo_l(locale.CODESET, found) == b"UTF-8")
    finally:
        libc.freelocale(found)


@dataclass(frozen=True)
class ServerEnvironment:
    """An installed server environment.

    Attributes:
        folder: its root.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python3"

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        return self.folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"

    @property
    def triton(self) -> Path:
        """The wheel's Triton: ``bin``, ``backends``, ``caches``, ``python_backend_stubs``."""
        return self.packages / "pytriton" / "tritonserver"

    @property
    def stub(self) -> Path:
        """The Python backend's stub for this minor version."""
        minor = f"3.{sys.version_info.minor}"
        return self.triton / "python_backend_stubs" / minor / "triton_python_backend_stub"

    def is_current(self) -> bool:
        """Whether it was installed completely, from today's requirements, for this Python."""
        try:
            return bool(read_json(self.folder / STAMP) == expected_stamp())
        except Unreadable:
            return False

    def variables(self) -> dict[str, str]:
        """The environment variables that the server runs with."""
        libraries = [str(self.packages / "nvidia_pytriton.libs")]
        own = libpython_folder()
        if own is not None:
            libraries.insert(0, str(own))
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_DROPPED) and name not in ("VIRTUAL_ENV", "LD_LIBRARY_PATH")
        }
        return (
            ALLOCATOR
            | BLAS
            | TELEMETRY
            | kept
            | ({} if _is_utf8() else UTF8)
            | {
                "PATH": f"{self.folder / 'bin'}:{os.environ.get('PATH', os.defpath)}",
                "LD_LIBRARY_PATH": ":".join(libraries),
            }
        )


def server_environment(folder: Path = DEFAULT_ENVIRONMENT) -> ServerEnvironment:
    """The installed environment.

    Raises:
        EnvironmentUnfit: it is not there, or not complete, or this machine cannot run it.
    """
    check_machine()
    environment = ServerEnvironment(folder)
    if not environment.is_current():
        state = "is out of date or incomplete" if folder.exists() else "is not there"
        raise EnvironmentUnfit(
            f"The server environment {folder} {state}; run: python -m runtime install"
        )
    return environment
