"""From a result to what people read: a page, pictures and tables."""

from __future__ import annotations

from perf.report.writing import write

__all__ = ["write"]
