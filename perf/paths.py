"""Where things are that several rooms need."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""

RESULTS = Path(__file__).parent / "results"
"""Where the commands write what they measured, and the README reads."""

SCENARIOS = Path(__file__).resolve().parent / "scenarios"

REPOSITORY = Path("model_repository")
"""The built repository that is measured unless another is named."""
