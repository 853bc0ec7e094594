"""perf_analyzer, the real one: how to have it, and how to measure with it."""

from perf.measure.analyzer.analyzer import Analyzer
from perf.measure.analyzer.installation import install
from perf.measure.analyzer.places import find

__all__ = ["Analyzer", "find", "install"]
