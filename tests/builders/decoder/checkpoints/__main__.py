"""``python -m tests.builders.decoder.checkpoints [NAME …]`` writes docs/decoder-checkpoints.md.

Without names every checkpoint is judged; with some, the others keep what the last run found.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from builders.decoder.options import Weights
from builders.kit.sources.error import SourceError
from tests.builders.decoder.checkpoints.judged import built_once, judge
from tests.builders.decoder.checkpoints.page import FORMS, RECORD, Found, record, recorded


def main(names: list[str]) -> None:
    """Judge checkpoints, each of which is noted if its tokens are transformers' own."""
    different = []
    for name in names or list(FORMS):
        with tempfile.TemporaryDirectory(prefix="checkpoints-") as place, built_once():
            checkpoint = FORMS[name](Path(place) / "checkpoint")
            whole = judge(checkpoint, Path(place) / "fp32")
            int8 = _off(checkpoint, Path(place) / "int8", "int8")
            int4 = _off(checkpoint, Path(place) / "int4", "int4")
        found = Found(whole, int8, int4)
        print(f"{name}: {found}", flush=True)
        if whole.equal:
            before = recorded() if RECORD.exists() else {}
            record({**before, name: found})
        else:
            different.append(name)
    if different:
        raise SystemExit(f"not transformers' own tokens: {'; '.join(different)}")


def _off(checkpoint: Path, place: Path, weights: Weights) -> float | None:
    try:
        return judge(checkpoint, place, weights).logits
    except SourceError:
        return None


main(sys.argv[1:])
