"""The corpus: repositories as people write them, one shape a function, by the shape's name."""

from __future__ import annotations

from collections.abc import Callable

from tests.agreement.writing import Make

SHAPES: dict[str, Make] = {}


def shape(make: Make) -> Make:
    """Registers a shape by its function's name."""
    return named(make.__name__)(make)


def named(name: str) -> Callable[[Make], Make]:
    """Registers a shape by a name."""

    def register(make: Make) -> Make:
        assert name not in SHAPES and name.isidentifier()
        SHAPES[name] = make
        return make

    return register
