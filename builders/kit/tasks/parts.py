"""The files that one is merged from, together in a folder."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path


@contextlib.contextmanager
def files_together(files: Mapping[str, Path]) -> Iterator[Path]:
    """A folder with links to files or folders, for as long as it is needed.

    Args:
        files: name in the folder -> the file or folder.
    """
    with tempfile.TemporaryDirectory(prefix="parts-") as folder:
        for name, path in files.items():
            (Path(folder) / name).symlink_to(path.absolute())
        yield Path(folder)
