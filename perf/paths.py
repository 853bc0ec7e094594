"""Where things are that several rooms need."""

from pathlib import Path

from repository.places import IS_CHECKOUT, ROOT

RESULTS = (ROOT if IS_CHECKOUT else Path()) / "perf" / "results"
"""Where the commands write what they measured: the checkout's, which the README reads, or one in
the working directory."""

SCENARIOS = ROOT / "perf" / "scenarios"

REPOSITORY = Path("model_repository")
"""The built repository that is measured unless another is named."""
