"""``python -m tests.fuzz``: the campaign, or one of its cases alone."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace

from tests.fuzz import campaign
from tests.fuzz.parts import PARTS


def main() -> int:
    """Runs it; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of all chances")
    parser.add_argument("--only", default="", help="a part, or one case of it, as images:17")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many cases")
    options = parser.parse_args()
    name, _, number = options.only.partition(":")
    parts = [
        replace(part, count=max(1, round(part.count * options.scale)))
        for part in PARTS
        if not name or part.name == name
    ]
    if not parts:
        parser.error(f"expected one of {', '.join(part.name for part in PARTS)}, found '{name}'")
    report = campaign.run(parts, options.seed, only=options.only if number else "")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
