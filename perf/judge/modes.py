"""What the modes are called, the same in every sentence, figure and table."""

from __future__ import annotations

from dataclasses import dataclass

from perf.result import Mode


@dataclass(frozen=True)
class Name:
    """What a mode is called.

    Attributes:
        label: for figures and tables.
        phrase: within a sentence, after "faster than".
    """

    label: str
    phrase: str


MODES: dict[Mode, Name] = {
    "ensemble": Name("ensemble", "the ensemble"),
    "bls": Name("BLS", "BLS"),
    "chained": Name("chained client", "chained"),
    "services": Name("services", "services"),
    "services-kserve": Name("services (KServe)", "services on KServe"),
    "in-process": Name("in process", "in process"),
}
"""In the order in which reports list them."""
