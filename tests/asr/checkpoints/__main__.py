"""``python -m tests.asr.checkpoints`` writes docs/asr-checkpoints.md: what is served, and equal."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.asr.checkpoints.page import PAGE, page, refusals
from tests.asr.checkpoints.served import Outcome, build, judge
from tests.asr.checkpoints.variants import VARIANTS, Variant


def main() -> None:
    """Judge every checkpoint, and write the page if all answers are transformers' own."""
    outcomes: dict[Variant, Outcome] = {}
    for variant in VARIANTS:
        with tempfile.TemporaryDirectory(prefix="checkpoints-") as place:
            outcomes[variant] = judge(build(variant, Path(place)))
        print(f"{variant}: {outcomes[variant]}", flush=True)
    if different := [str(variant) for variant, each in outcomes.items() if not each.equal]:
        raise SystemExit(f"not transformers' own answers: {'; '.join(different)}")
    PAGE.write_text(page(outcomes, refusals()), "utf-8")


main()
