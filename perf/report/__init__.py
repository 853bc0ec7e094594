"""From a result to what people read: a page, pictures, tables, and a verdict."""

from __future__ import annotations

from perf.report.ratios import markdown
from perf.report.verdict import verdict
from perf.report.writing import write

__all__ = ["markdown", "verdict", "write"]
