"""The slots of the cache: whose tokens are in them, and which one a prompt takes.

What a request leaves behind stays until its slot is needed. A prompt that begins with the same
tokens, such as a system prompt or an image, goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

EMPTY = np.zeros(0, np.int64)


@dataclass
class Slot:
    """One slot.

    Attributes:
        number: its place in the cache.
        keys: INT64 [tokens], what each token in its cache is: the token's number, or of an
            image's row a negative number that no other image has.
        busy: whether a request has it.
        used: when it was used last, by a count.
    """

    number: int
    keys: np.ndarray = field(default_factory=lambda: EMPTY)
    busy: bool = False
    used: int = 0


@dataclass(frozen=True)
class Place:
    """The slot for a prompt.

    Attributes:
        slot: it, now busy; its keys are those that it shares with the prompt.
        copied: the slot that they have to be copied from; None if they are there.
    """

    slot: Slot
    copied: Slot | None


class Slots:
    """All slots.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._all = [Slot(number) for number in range(count)]
        self._uses = 0

    @property
    def free(self) -> int:
        """How many no request has."""
        return sum(not each.busy for each in self._all)

    def take(self, keys: np.ndarray) -> Place:
        """A free slot for a prompt; there has to be one.

        Args:
            keys: INT64 [tokens], the prompt's. At least the last is left to be computed, as the
                answer begins with its logits.
        """
        free = [each for each in self._all if not each.busy]
        shared = {each.number: common(each.keys, keys[:-1]) for each in self._all}
        source = max(self._all, key=lambda each: (shared[each.number], not each.busy))
        length = shared[source.number]
        # What a slot has beyond the shared tokens is lost with it. If that is more than they are,
        # and another slot is free, it may serve somebody else later.
        if not source.busy and (2 * length >= len(source.keys) or len(free) == 1):
            target = source
        else:
            target = min(free, key=lambda each: (len(each.keys) > 0, each.used))
        target.keys = keys[:length]
        self._take(target)
        return Place(target, None if target is source or not length else source)

    def _take(self, slot: Slot) -> None:
        self._uses += 1
        slot.busy, slot.used = True, self._uses

    def leave(self, slot: Slot, keys: np.ndarray) -> None:
        """Frees a slot.

        Args:
            slot: it.
            keys: INT64 [tokens], what is in its cache.
        """
        self._uses += 1
        slot.busy, slot.used, slot.keys = False, self._uses, keys

    def at(self, number: int) -> Slot:
        """The slot in a place of the cache."""
        return self._all[number]

    def swap(self, one: Slot, other: Slot) -> None:
        """Exchanges the places of two slots, as what is in them was exchanged."""
        one.number, other.number = other.number, one.number
        self._all[one.number], self._all[other.number] = one, other


def common(one: np.ndarray, other: np.ndarray) -> int:
    """How many numbers two arrays begin with alike."""
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length


def gap(numbers: Sequence[int]) -> int | None:
    """A place between the first and the last of some that is none of them; None without one."""
    taken = set(numbers)
    return next((each for each in range(min(numbers), max(numbers)) if each not in taken), None)
