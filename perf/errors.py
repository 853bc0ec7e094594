"""What goes wrong in a measurement, each as one sentence for the user."""

from __future__ import annotations

from repository.errors import KitError


class PerfError(KitError):
    """Base of what :mod:`perf` raises on purpose; its text is the sentence to show."""


class ScenarioError(PerfError):
    """A scenario, or an input file that it names, is wrong."""


class LegFailed(PerfError):
    """One leg could not be measured; the others go on."""


class AnalyzerMissing(LegFailed):
    """There is no perf_analyzer that runs here."""
