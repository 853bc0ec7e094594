"""Results as a run of the OCR pipeline gives them, made up: speeds in, everything else derived."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pytest

from perf.result import (
    ColdStart,
    Leg,
    LegResult,
    Load,
    Loader,
    Machine,
    Mode,
    ProcessUse,
    Result,
    Round,
    StepTime,
)

MODELS = (
    "decode_image",
    "prepare_page",
    "detect",
    "locate",
    "orient",
    "crop",
    "recognise",
    "collect",
)
SHARES = (0.06, 0.07, 0.31, 0.05, 0.04, 0.05, 0.36, 0.02)
SPEEDS: dict[Mode, float] = {
    "ensemble": 60.0,
    "fused": 58.5,
    "bls": 63.0,
    "chained": 66.0,
    "services": 79.0,
    "services-kserve": 118.0,
    "in-process": 57.0,
}
"""Each mode's p50 at concurrency 1, in milliseconds."""


def concurrency(value: float) -> Load:
    return Load(kind="concurrency", value=value)


def measured(
    mode: str, p50: float, at: float, number: int, seed: int, count: int = 60, noise: float = 0.01
) -> Round:
    """A round of so many requests, with the statistics and uses that this mode would have."""
    random = np.random.default_rng([seed, number])
    slow = p50 * (0.35 + 0.65 * at) * random.normal(1, noise)
    latencies = slow * (0.97 + random.gamma(1.3, 0.05, count))
    latencies *= slow / np.median(latencies)
    served = mode not in ("in-process",)
    scale = 57 * (0.5 + 0.5 * at)
    steps = tuple(
        StepTime(
            model=model,
            calls=4.0 if model == "recognise" else 1.0,
            queue_us=scale * 1000 * share * 0.05 * at,
            compute_input_us=scale * 1000 * share * 0.02,
            compute_infer_us=scale * 1000 * share * 0.9 * (1.5 if model == "recognise" else 1),
            compute_output_us=scale * 1000 * share * 0.03,
        )
        for model, share in zip(MODELS, SHARES, strict=True)
    )
    parts = {"client": 2.0} | ({"server": 6.0} if served else {})
    parts |= {"gateway": 5.0} if mode.startswith("services") else {}
    parts |= dict(zip(MODELS, np.array(SHARES) * 110, strict=True)) if served else {}
    return Round(
        number=number,
        latencies_ms=tuple(map(float, latencies)),
        seconds=float(latencies.sum() / 1000 / at),
        server_ms=float(latencies.mean() * 0.96)
        if mode in ("ensemble", "fused", "bls", "services")
        else None,
        steps=steps if served else (),
        processes=tuple(
            ProcessUse(
                part=part,
                processes=1,
                cpu_ms=float(cpu),
                resident_mib=90 + float(cpu) * 5,
                proportional_mib=50 + float(cpu) * 4,
            )
            for part, cpu in parts.items()
        ),
    )


def result_of(
    speeds: Mapping[Mode, float] = SPEEDS,
    *,
    sweep: tuple[float, ...] = (1, 2, 4),
    rounds: int = 4,
    changes: Mapping[tuple[str, float, str], dict[str, Any]] | None = None,
    loaders: tuple[Loader, ...] = ("perf_analyzer", "loader"),
    extras: bool = True,
    noise: float = 0.01,
    **fields: Any,
) -> Result:
    """A whole run.

    Args:
        speeds: mode -> p50 in milliseconds at concurrency 1.
        changes: (mode, concurrency, loader) -> fields of that leg's result, instead of its rounds;
            or ``factor``, by which its latency is multiplied.
        extras: with Poisson arrivals, HTTP and shared memory.
    """
    changes, seeds, legs = changes or {}, itertools.count(), []
    cannot = {"chained", "in-process", "services-kserve"}

    def add(leg: Leg, p50: float, at: float) -> None:
        change: dict[str, Any] = dict(changes.get((leg.mode, leg.load.value, leg.loader), {}))
        factor, seed = float(str(change.pop("factor", 1))), next(seeds)
        made = (measured(leg.mode, p50 * factor, at, n, seed, noise=noise) for n in range(rounds))
        legs.append(LegResult(**{"leg": leg, "rounds": tuple(made), **change}))

    for mode, p50 in speeds.items():
        for loader in loaders:
            if loader == "perf_analyzer" and mode in cannot:
                continue
            protocol: Literal["none", "grpc"] = "none" if mode == "in-process" else "grpc"
            for at in sweep:
                leg = Leg(mode=mode, load=concurrency(at), loader=loader, protocol=protocol)
                add(leg, p50, at)
            for share in (0.5, 0.8) if extras and mode != "in-process" else ():
                load = Load(kind="request_rate", value=share * 40, share=share)
                add(Leg(mode=mode, load=load, loader=loader), p50 * (1 + share / 2), 1)
    if extras:
        both: tuple[Mode, ...] = ("ensemble", "services")
        for mode, loader in itertools.product(both, loaders[:1]):
            if mode in speeds:
                plain = Leg(mode=mode, load=concurrency(1), loader=loader)
                add(plain.model_copy(update={"protocol": "http"}), speeds[mode] * 1.09, 1)
                add(plain.model_copy(update={"shared_memory": "system"}), speeds[mode] * 0.98, 1)
    bases: dict[Mode, float] = {"ensemble": 5.1, "services": 7.9, "in-process": 1.4}
    starts = [
        ColdStart(
            mode=mode,
            seconds=(base, base * 1.1, base * 0.95),
            load_seconds={model: (0.4 + n * 0.2, 0.5 + n * 0.2) for n, model in enumerate(MODELS)}
            if mode != "in-process"
            else {},
        )
        for mode, base in bases.items()
        if mode in speeds
    ]
    values: dict[str, Any] = {
        "pipeline": "ocr",
        "started": "2026-11-23T18:00:00Z",
        "repository": "sha256:0f3ab4",
        "scenario": {
            "pipeline": "ocr",
            "inputs": [{"image": "pages/letter.png"}, {"image": "pages/table.png"}],
            "concurrency": [1, 2, 4],
            "request_rate": [0.5, 0.8],
            "count": 60,
            "rounds": rounds,
        },
        "machine": Machine(
            system="Linux 6.1 (glibc 2.36)",
            processor="AMD EPYC 9004",
            cores=2,
            memory_gib=15.6,
            load_before=0.12,
        ),
        "software": {
            "perf_analyzer": "2.51.0, from the wheel tritonclient 2.51.0",
            "tritonserver": "2.51.0 (24.10)",
            "onnxruntime": "1.32.0",
        },
        "spread_limit": 0.15,
        "legs": tuple(legs),
        "cold_starts": tuple(starts),
    }
    return Result(**(values | fields))


@pytest.fixture(scope="session")
def make() -> Callable[..., Result]:
    return result_of


@pytest.fixture(scope="session")
def whole() -> Result:
    return result_of()
