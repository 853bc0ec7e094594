"""Kubernetes quantities."""

from __future__ import annotations

import re
from decimal import Decimal

_SUFFIX = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    **{letter: Decimal(1000) ** n for n, letter in enumerate("MGTPE", 2)},
    **{f"{letter}i": Decimal(1024) ** n for n, letter in enumerate("KMGTPE", 1)},
}


def quantity(text: object) -> Decimal:
    """The number that ``4Gi``, ``500m`` or ``2`` stands for.

    Raises:
        ValueError: it is no quantity.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", str(text))
    if not found or found[2] not in _SUFFIX:
        raise ValueError(f"expected a quantity as 4Gi, found {text}")
    return Decimal(found[1]) * _SUFFIX[found[2]]
