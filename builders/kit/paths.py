"""Where this checkout is."""

from __future__ import annotations

from pathlib import Path

BUILDERS = Path(__file__).resolve().parents[1]
"""The folder of the families, the shared stages and the profiles."""

ROOT = BUILDERS.parent
"""The checkout: what is imported from here is code of ours."""
