"""The winner as a part of a profile, and the table beside it."""

from __future__ import annotations

from pathlib import Path

import yaml

from perf.errors import PerfError
from perf.tune.settings import Settings, options
from repository.config.proto import pb

MARK = "# Written by `tmk perf tune`."
"""The first line of every patch; a file without it is somebody else's."""


def refuse_foreign(out: Path) -> None:
    """Raises before anything is measured if the patch could not be written.

    Raises:
        PerfError: there is a file that is not a patch, or no folder for one.
    """
    if out.suffix not in (".yaml", ".yml"):
        raise PerfError(f"The patch is YAML: expected a name that ends in .yaml, found '{out}'.")
    try:
        if not out.parent.is_dir():
            raise PerfError(f"There is no folder '{out.parent}' for the patch; make it first.")
        if out.exists() and not out.read_text(encoding="utf-8").startswith(MARK):
            raise PerfError(
                f"'{out}' is there and is no patch of an earlier run; give another name.",
                arguments=("out",),
            )
    except (OSError, UnicodeDecodeError) as problem:
        raise PerfError(f"'{out}' cannot be written: {problem}") from None


def text(model: str, config: pb.ModelConfig, settings: Settings, why: str) -> str:
    """The patch.

    Args:
        model: the model.
        config: its present config.
        settings: the winner's.
        why: the sentence that justifies it.
    """
    body = yaml.safe_dump(
        {"models": {model: options(config, settings)}}, sort_keys=False, default_flow_style=None
    )
    comment = "\n".join(f"# {line}" for line in why.splitlines())
    return f"{MARK} Merge it into the profile that the repository is built from.\n{comment}\n{body}"
