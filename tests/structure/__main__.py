"""``python -m tests.structure`` draws the house, the walks and the tree of errors."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from tests.structure import errors, page, walks
from tests.structure.rooms import ROOT


@functools.cache
def written() -> Mapping[str, str]:
    """Each file that shows the structure, and what it should hold."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    before, _, rest = contributing.partition(page.BEGIN)
    _, _, after = rest.partition(page.END)
    return {
        "CONTRIBUTING.md": f"{before}{page.BEGIN}\n{page.table()}\n{page.END}{after}",
        "docs/structure.md": page.page(),
        "docs/structure.svg": page.picture(),
        **{f"docs/walk-{name}.svg": walks.picture(walk()) for name, walk in walks.WALKS.items()},
        errors.FILE: errors.written(),
    }


if __name__ == "__main__":
    for name, text in written().items():
        (ROOT / name).write_text(text, "utf-8")
        print(f"{name}: written")
