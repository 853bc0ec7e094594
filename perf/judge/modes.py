"""What the modes are called, the same in every sentence, figure and table."""

from __future__ import annotations

from dataclasses import dataclass

from perf.result import Mode, Result


@dataclass(frozen=True)
class Name:
    """What a mode is called.

    Attributes:
        label: for figures and tables.
        phrase: within a sentence, after "that of".
    """

    label: str
    phrase: str


MODES: dict[Mode, Name] = {
    "ensemble": Name("ensemble", "the ensemble"),
    "fused": Name("fused", "the fused pipeline"),
    "bls": Name("BLS", "the BLS model"),
    "chained": Name("chained client", "a chained client"),
    "services": Name("services", "separate services"),
    "services-kserve": Name("services (KServe)", "separate services on KServe"),
    "in-process": Name("in process", "the run in process"),
}
"""In the order in which reports list them."""

_MODEL = Name("model", "the model")


def labels(result: Result) -> dict[Mode, str]:
    """The labels of all modes in a run's figures."""
    return {mode: name_of(result, mode).label for mode in MODES}


def name_of(result: Result, mode: Mode) -> Name:
    """What a mode of a run is called: a pipeline that is a single model is no ensemble."""
    return _MODEL if result.single and mode == "ensemble" else MODES[mode]
