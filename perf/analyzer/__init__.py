"""perf_analyzer, the real one: how to have it, and how to measure with it."""

from perf.analyzer.analyzer import Analyzer
from perf.analyzer.installation import install
from perf.analyzer.places import find

__all__ = ["Analyzer", "find", "install"]
