"""``python -m tests.builders.vision.checkpoints [NAME …]`` writes docs/vision-checkpoints.md.

Without names every checkpoint is judged; with some, the others keep what the last run found.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.builders.vision.checkpoints.judged import judge
from tests.builders.vision.checkpoints.page import EYES, RECORD, record, recorded


def main(names: list[str]) -> None:
    """Judge checkpoints, each of which is noted if all its answers are transformers' own."""
    different = []
    for name in names or list(EYES):
        with tempfile.TemporaryDirectory(prefix="checkpoints-") as place:
            checkpoint = EYES[name](Path(place) / "checkpoint")
            outcome = judge(checkpoint, Path(place) / "made")
        print(f"{name}: {outcome}", flush=True)
        if outcome.equal:
            before = recorded() if RECORD.exists() else {}
            record({**before, name: outcome})
        else:
            different.append(name)
    if different:
        raise SystemExit(f"not transformers' own answers: {'; '.join(different)}")


main(sys.argv[1:])
