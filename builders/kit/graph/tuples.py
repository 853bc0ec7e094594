"""Tells a tuple that was meant and not written: ``(x)`` for ``(x,)``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from builders.kit.graph.error import GraphError


def check_tuples(declared: Any) -> None:
    """Refuse a declaration of which a field is no tuple, and should be.

    Args:
        declared: an instance of a dataclass with a name.

    Raises:
        GraphError: names the field; all of them.
    """
    wrong = [
        f"one {type(value).__name__} as {each.name} of '{declared.name}', which are a tuple: (x,), "
        "with its comma"
        for each in fields(declared)
        if str(each.type).startswith("tuple[")
        and not isinstance(value := getattr(declared, each.name), tuple | list)
    ]
    if wrong:
        raise GraphError("; ".join(wrong))
