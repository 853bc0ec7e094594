"""A task of a build: what decides its result, and so its key, and why it has to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from builders.kit.tasks.cache import Cache, key_of

Kind = Literal["export", "parity", "metric"]


@dataclass(frozen=True)
class Task:
    """One cacheable task.

    Attributes:
        kind: what it does.
        subject: ``family/name`` of what it makes or judges.
        parts: everything that decides its result, by readable names.
        tools: package -> version, of those that are used.
    """

    kind: Kind
    subject: str
    parts: Mapping[str, str]
    tools: Mapping[str, str]

    @property
    def name(self) -> str:
        """As the build prints it."""
        return f"{self.kind} {self.subject}"

    @property
    def key(self) -> str:
        """The hash of :attr:`parts`."""
        return key_of(self.parts)

    def given(self, parts: Mapping[str, str]) -> Task:
        """The task with what earlier ones made for it, which decides its result too."""
        return replace(self, parts={**self.parts, **parts})

    def why(self, cache: Cache) -> str:
        """Why it has to run, if it has to."""
        last = cache.last(self.name)
        if last is None:
            return "new"
        changed = [
            _change(name, last.get(name), self.parts.get(name))
            for name in sorted(last.keys() | self.parts.keys())
            if last.get(name) != self.parts.get(name)
        ]
        if not changed:
            return "its cached result is gone or damaged"
        more = f", and {len(changed) - 3} more" if len(changed) > 3 else ""
        return ", ".join(changed[:3]) + more


def _change(name: str, before: str | None, now: str | None) -> str:
    if before is None:
        return f"{name} is new"
    if now is None:
        return f"{name} is gone"
    if name.startswith(("option ", "tool ")):
        return f"{name}: {before} -> {now}"
    return f"{name} changed"
