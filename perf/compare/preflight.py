"""What is looked at before anything is timed: the pipeline, and that all modes agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tritonclient.utils import InferenceServerException

from perf.compare.legs.target import Target
from perf.errors import PerfError, ScenarioError
from perf.result import Mode
from repository.config.facts import is_ensemble
from repository.files.yaml_file import suggest

TOLERANCE = 1e-4
"""Absolute and relative; floats of two modes may differ by so much."""


def config_in(repository: Path, pipeline: str) -> Any:
    """The ``ModelConfig`` of a pipeline of a built repository.

    Raises:
        ScenarioError: there is no such repository, or no such model in it.
    """
    from repository.config.text import ConfigError, read_config

    if not repository.is_dir():
        raise ScenarioError(
            f"There is no model repository at {repository}; `python -m builders build` builds "
            "one, or name another.",
            arguments=("repository",),
        )
    path = repository / pipeline / "config.pbtxt"
    if Path(pipeline).name != pipeline or not path.is_file():
        known = _pipelines(repository)
        raise ScenarioError(
            f"{repository} has no pipeline '{pipeline}'; it has {', '.join(known) or 'none'}. "
            f"{suggest(pipeline, known) if known else 'Build one with `python -m builders build`.'}"
        )
    try:
        config = read_config(path)
    except (OSError, ConfigError) as problem:
        raise ScenarioError(f"The config of '{pipeline}' cannot be read: {problem}") from problem
    return config


def config_from(address: str, pipeline: str) -> Any:
    """The ``ModelConfig`` of a pipeline that a running server has.

    Args:
        address: ``host:port`` of its gRPC endpoint.
        pipeline: its name.

    Raises:
        ScenarioError: the server has no such model that is ready.
        PerfError: it does not answer.
    """
    from clients.connection.address import parse
    from clients.connection.connection import Client
    from clients.connection.errors import is_unreachable, reason
    from clients.connection.ports import speaks_http

    with Client(parse(address)) as client:
        try:
            # Only models that it serves: the index of its repository asks for a key.
            known = sorted({each.name for each in client.get_inference_statistics().model_stats})
            if not client.is_model_ready(pipeline):
                raise ScenarioError(
                    f"The server at {address} has no model '{pipeline}' that is ready; ready are "
                    f"{', '.join(known) or 'none'}. {suggest(pipeline, known)}"
                )
            return client.get_model_config(pipeline).config
        except InferenceServerException as problem:
            if is_unreachable(problem):
                where = parse(address)
                if speaks_http(where.host, where.port):
                    raise PerfError(
                        f"{address} speaks HTTP, where the address of gRPC is asked for, whose "
                        "port is 8001: give each its own.",
                        arguments=("url", "http_url"),
                    ) from problem
                raise PerfError(
                    f"No server answers over gRPC at {address}; start one with "
                    "`python -m runtime serve`, or give no address to have one started.",
                    arguments=("url",),
                ) from problem
            raise PerfError(f"The server at {address}: {reason(problem)}") from problem


def agree(
    targets: Mapping[Mode, Target], labels: Sequence[str], varying: Sequence[str] = ()
) -> dict[Mode, str]:
    """Sends each request to each mode once, and compares the outputs.

    Args:
        targets: the modes that run.
        labels: what to call each request.
        varying: outputs that are not compared.

    Returns:
        Mode -> why it cannot be compared with the others.

    Raises:
        ScenarioError: every mode refused a request.
    """
    failures: dict[Mode, str] = {}
    mistakes: list[str] = []
    for number, label in enumerate(labels):
        answers: dict[Mode, Mapping[str, np.ndarray]] = {}
        refusals: dict[Mode, PerfError] = {}
        for mode, target in targets.items():
            if mode not in failures:
                try:
                    found = target.outputs(number)
                    answers[mode] = {
                        name: array for name, array in found.items() if name not in varying
                    }
                except PerfError as problem:
                    refusals[mode] = problem
        if not answers and any(_is_clients_mistake(each) for each in refusals.values()):
            told = next(each for each in refusals.values() if _is_clients_mistake(each))
            mistakes.append(f"The pipeline refuses {label}: {told}.")
            continue
        for mode, refusal in refusals.items():
            failures[mode] = f"it does not answer {label}: {refusal}"
        failures |= _different(answers, label)
    if mistakes:
        raise ScenarioError("\n".join(mistakes))
    return failures


def _different(answers: Mapping[Mode, Mapping[str, np.ndarray]], label: str) -> dict[Mode, str]:
    """The modes whose outputs differ from the ensemble's, or from the first mode's without one."""
    if not answers:
        return {}
    first: Mode = "ensemble" if "ensemble" in answers else next(iter(answers))
    return {
        mode: f"its output is not that of {first} for {label}: {found}"
        for mode, answer in answers.items()
        if (found := difference(answers[first], answer)) is not None
    }


def difference(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> str | None:
    """How the outputs of two modes differ, if they do.

    Args:
        one: the outputs that count as right.
        other: the outputs that are compared with them.
    """
    if one.keys() != other.keys():
        return f"expected {', '.join(sorted(one))}, found {', '.join(sorted(other)) or 'none'}"
    for name, expected in one.items():
        found = other[name]
        if expected.shape != found.shape:
            return f"'{name}' has the shape {list(found.shape)}, not {list(expected.shape)}"
        if expected.dtype.kind != found.dtype.kind:
            return f"'{name}' is of {found.dtype}, not {expected.dtype}"
        if expected.dtype.kind == "f":
            near = np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        else:
            near = np.asarray(found == expected)
        if not near.all():
            return f"{np.size(near) - np.count_nonzero(near)} values of '{name}' differ"
    return None


def _is_clients_mistake(problem: PerfError) -> bool:
    """Whether a refusal says that the request is wrong, and not that the server is."""
    cause = problem.__cause__
    if isinstance(cause, InferenceServerException):
        return "INVALID_ARGUMENT" in (cause.status() or "")
    return isinstance(cause, ValueError)


def _pipelines(repository: Path) -> list[str]:
    """The ensembles, or where there are none, all models."""
    from repository.config.text import ConfigError, read_config

    found: dict[str, bool] = {}
    for path in sorted(repository.glob("*/config.pbtxt")):
        try:
            found[path.parent.name] = is_ensemble(read_config(path))
        except (OSError, ConfigError):
            continue
    return [name for name, composed in found.items() if composed] or list(found)
