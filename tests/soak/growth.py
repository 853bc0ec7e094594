"""Whether a server holds more and more: its first warm figures against its last ones."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.soak.process import MIB, Figures


@dataclass(frozen=True)
class Allowance:
    """How far a figure may grow: by a share of what it was, and so much besides.

    Attributes:
        share: of what it was.
        beside: in the figure's own unit.
        killed: for each stub that was killed.
    """

    share: float
    beside: int
    killed: int = 0


ALLOWED = {
    "server_memory": Allowance(0.25, 64 * MIB, 2 * MIB),
    "descriptors": Allowance(0.0, 16, 4),
    # Those of a replaced model's other instances may stay for a minute.
    "stubs": Allowance(0.0, 6),
    "stub_memory": Allowance(0.2, 128 * MIB),
    "regions": Allowance(0.0, 6),
    "shared_memory": Allowance(0.1, 32 * MIB),
    # A request that waits for a stub that dies keeps its model for good, with all of its instances:
    # four at most in the demo. `serve` exchanges a server that holds too many of them.
    "zombies": Allowance(0.0, 1, 4),
    "left_regions": Allowance(0.0, 1, 4),
    "left_memory": Allowance(0.0, 16 * MIB, 64 * MIB),
}
"""Between the median of the second fifth of a soak, when all is warm, and of its last fifth.

What grows for good grows beyond these within an hour; a busier last minute does not.
"""

LEAST = 10
"""So many samples there have to be; fewer say nothing of growth."""


def growth(samples: Sequence[Figures], killed: int) -> list[str]:
    """A sentence for each figure that grew beyond its allowance.

    Args:
        samples: at even intervals, at least :data:`LEAST`.
        killed: stubs that were killed meanwhile.

    Raises:
        ValueError: too few samples.
    """
    if len(samples) < LEAST:
        raise ValueError(f"{len(samples)} samples; expected at least {LEAST}")
    fifth = len(samples) // 5
    early, late = samples[fifth : 2 * fifth], samples[-fifth:]
    told = []
    for name, allowed in ALLOWED.items():
        before = statistics.median(asdict(each)[name] for each in early)
        after = statistics.median(asdict(each)[name] for each in late)
        most = before * (1 + allowed.share) + allowed.beside + killed * allowed.killed
        if after > most:
            told.append(
                f"{name.replace('_', ' ')} grew from {before:,.0f} to {after:,.0f}; "
                f"at most {most:,.0f} is allowed"
            )
    return told
