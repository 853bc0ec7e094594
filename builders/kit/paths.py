"""Where the kit's code is."""

from __future__ import annotations

from repository.places import ROOT

BUILDERS = ROOT / "builders"
"""The folder of the families, the shared stages and the profiles."""
