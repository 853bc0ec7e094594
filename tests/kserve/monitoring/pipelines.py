"""The names of pipelines in the queries of ``kserve/``, as the built repository has them.

Triton's metrics do not tell a pipeline from the models of its steps, so queries name the pipelines:
the ensembles alone, or the BLS models with them. :data:`COMMAND` writes the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.kserve.cluster.webhooks.triton.repository import kinds
from tests.kserve.render import KSERVE

COMMAND = "python -m tests.kserve.monitoring.pipelines"

_NAMES = re.compile(r'(?P<before>model[=!]~\\?")(?P<names>[\w|]+)(?P<after>\\?")')


def files() -> Iterator[Path]:
    """The files of ``kserve/`` with such a query."""
    for path in sorted(KSERVE.rglob("*")):
        if path.suffix in (".yaml", ".json") and _NAMES.search(path.read_text(encoding="utf-8")):
            yield path


def named(text: str, built: Mapping[str, str]) -> str:
    """A file's text with the names of what is built.

    Args:
        text: the file's. A list with a BLS model in it is one of all pipelines, any other one of
            ensembles.
        built: each model's kind.
    """
    ensembles = {name for name, kind in built.items() if kind == "ensemble"}
    pipelines = ensembles | {name for name, kind in built.items() if kind == "bls"}

    def write(found: re.Match[str]) -> str:
        has_bls = any(name.endswith("_bls") for name in found["names"].split("|"))
        names = "|".join(sorted(pipelines if has_bls else ensembles))
        return f"{found['before']}{names}{found['after']}"

    return _NAMES.sub(write, text)


def main() -> None:
    """Writes them."""
    for path in files():
        path.write_text(named(path.read_text(encoding="utf-8"), kinds()), encoding="utf-8")


if __name__ == "__main__":
    main()
