"""Tokenizers of the tokenizers package, from strangers.

Some files end the process that reads them: the package's Rust part panics, and aborts (tokenizers
0.23, a BPE with a ``continuing_subword_prefix`` that its merges do not have). So another process
reads a file first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from builders.kit.sources.error import SourceError, read_settings
from repository.places import ROOT

SECONDS = 120.0
"""For the largest tokenizers, on a busy machine; they take two."""

_ALONE = """
import resource, sys
from repository.children import end_with_parent
end_with_parent(int(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from tokenizers import Tokenizer
try:
    Tokenizer.from_file(sys.argv[1])
except Exception as error:
    print(error)
    sys.exit(1)
"""


def read_tokenizer(path: Path) -> Any:
    """The tokenizer in a ``tokenizer.json``.

    Raises:
        SourceError: it cannot be read.
    """
    from tokenizers import Tokenizer

    read_settings(path)
    if found := _mistake(path):
        raise SourceError(
            f"{path}: expected a tokenizer in the tokenizers package's format, found: {found}. "
            "Save it with transformers' save_pretrained."
        )
    return Tokenizer.from_file(str(path))


def _mistake(path: Path) -> str:
    """Why it cannot be read; empty if it can."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ALONE, str(path.absolute()), str(os.getpid())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"one that takes more than {SECONDS:g} s"
    if done.returncode == 0:
        return ""
    said = done.stdout.decode(errors="replace").strip().splitlines()
    return said[0] if said else "one that ends the process that reads it"
