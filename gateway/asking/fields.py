"""The members of a JSON object from a client, each taken once; what is left over is refused."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from gateway.errors import ApiError, invalid, unsupported
from repository.files.json_file import kind_of_value
from repository.findings import shortened

T = TypeVar("T")

_WHOLE = 2**63


class Fields:
    """The members of an object.

    A member that is null is as one that is not there.

    Args:
        values: the object.
        at: where it stands in the request, as ``messages[1]``; empty for the request itself.
    """

    def __init__(self, values: Mapping[str, Any], at: str = "") -> None:
        self._left = {name: value for name, value in values.items() if value is not None}
        self._at = at

    def at(self, name: str) -> str:
        """Where a member stands in the request."""
        return f"{self._at}.{name}" if self._at else name

    def take(self, name: str) -> Any:
        """A member of any kind; None if it is not there."""
        return self._left.pop(name, None)

    def needed(self, name: str, value: T | None) -> T:
        """A member that was taken, and has to be there.

        Raises:
            ApiError: it is not.
        """
        if value is None:
            where = self.at(name)
            raise invalid(f"'{where}' is missing", where, "missing_required_parameter")
        return value

    def text(self, name: str) -> str | None:
        """A text.

        Raises:
            ApiError: it is something else; so do the others.
        """
        return self._of(name, str, "a text")

    def flag(self, name: str) -> bool | None:
        """True or false."""
        return self._of(name, bool, "true or false")

    def items(self, name: str) -> list[Any] | None:
        """A list."""
        return self._of(name, list, "a list")

    def object(self, name: str) -> Fields | None:
        """The members of an object in this one."""
        found = self._of(name, dict, "an object")
        return None if found is None else Fields(found, self.at(name))

    def number(self, name: str, low: float, high: float, *, above: bool = False) -> float | None:
        """A number from ``low`` to ``high``.

        Args:
            name: the member's.
            low: the least.
            high: the greatest.
            above: it has to be greater than ``low``.
        """
        value = self.take(name)
        if value is None:
            return None
        form = f"a number {'above' if above else 'from'} {low:g} {'up ' if above else ''}to"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, f"{form} {high:g}", value)
        if not low <= value <= high or (above and value == low):
            raise self._wrong(name, f"{form} {high:g}", value)
        return float(value)

    def integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number from ``low`` to ``high``; 2.0 is one."""
        value = self.take(name)
        if value is None:
            return None
        form = f"a whole number from {low} to {high}"
        if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(name, form, value)
        return value

    def word(self, name: str, known: Collection[str]) -> str | None:
        """One of a few words."""
        value = self.text(name)
        if value is not None and value not in known:
            raise self._wrong(name, "one of " + ", ".join(f"'{each}'" for each in known), value)
        return value

    def ignore(self, *names: str) -> None:
        """Takes members that change nothing."""
        for name in names:
            self.take(name)

    def refuse(self, refused: Mapping[str, tuple[Collection[Any], str]]) -> None:
        """Refuses members by name, unless they say what is done anyway.

        Args:
            refused: name -> values that change nothing, and why any other is refused.

        Raises:
            ApiError: there is one.
        """
        for name, (harmless, why) in refused.items():
            value = self.take(name)
            if value is not None and not any(_same(value, each) for each in harmless):
                raise unsupported(self.at(name), f"'{self.at(name)}' is not supported: {why}")

    def end(self) -> None:
        """Refuses what was not taken.

        Raises:
            ApiError: there is something.
        """
        for name in self._left:
            where = self.at(shortened(name, 60))
            raise invalid(f"'{where}' is not known here", where, "unknown_parameter")

    def _of(self, name: str, kind: type[T], said: str) -> T | None:
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, kind):
            raise self._wrong(name, said, value)
        return value

    def _wrong(self, name: str, expected: str, found: Any) -> ApiError:
        where = self.at(name)
        return invalid(f"'{where}' has to be {expected}, found {shown(found)}", where)


def shown(value: Any) -> str:
    """A value as an error says it: short, and without what might be private in lists."""
    if isinstance(value, str):
        return f"'{shortened(value, 60)}'"
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return kind_of_value(value) if not isinstance(value, bool) else str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return "a number that is not finite"
    return shortened(str(value), 60)


def _same(value: Any, other: Any) -> bool:
    """Equal, and not as 1 is equal to true."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)
