"""Numbers and foreign text, made fit to print."""

from __future__ import annotations

import math
import unicodedata


def number(value: float) -> str:
    """Three significant digits: 0.123, 1.23, 12.3, 123, 1,234."""
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e7 or size < 0.001:
        return f"{value:.3g}"
    digits = max(0, 2 - math.floor(math.log10(float(f"{size:.3g}"))))
    return f"{value:,.{digits}f}"


def ratio(value: float) -> str:
    """Two decimals, as long as those say something."""
    return f"{value:.2f}" if 0.1 <= value < 100 else f"{value:.3g}"


def clean(text: object) -> str:
    """Foreign text on one line: what no file of text can hold is replaced, blanks are joined."""
    shown = "".join(
        each if each.isspace() or unicodedata.category(each) not in ("Cc", "Cs", "Cn") else "\ufffd"
        for each in str(text)
    )
    return " ".join(shown.split())


def short(text: object, length: int) -> str:
    """Foreign text, cut off where it would not fit."""
    shown = clean(text)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def plural(count: int, what: str) -> str:
    """1 leg, 2 legs."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def listing(names: list[str]) -> str:
    """One, two and three."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
