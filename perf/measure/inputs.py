"""A scenario's requests as arrays, checked against the pipeline's own ModelConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from perf.errors import ScenarioError
from perf.scenario import InputOptions, Scenario
from repository.files.yaml_file import suggest
from repository.usage.tensors import array_of, taken_by

Request = Mapping[str, np.ndarray]
"""One request: input name -> array; a BYTES tensor is an object array of bytes."""


def requests_of(scenario: Scenario, config: Any) -> list[Request]:
    """Every request of a scenario, its files read.

    Args:
        scenario: which.
        config: the pipeline's ``ModelConfig``.

    Raises:
        ScenarioError: names, types or shapes that the pipeline does not take, or a file that
            cannot be read; all of them at once, one sentence each.
    """
    mistakes: list[str] = []
    made: list[Request] = []
    known = taken_by(config)
    for number, options in enumerate(scenario.requests):
        given = scenario.inputs(number)
        request: dict[str, np.ndarray] = {}
        for name, option in options.items():
            where = f"Request {number + 1}, input '{name}'"
            if name not in known:
                mistakes.append(
                    f"{where}: '{config.name}' has no such input; it has {', '.join(known)}. "
                    f"{suggest(name, known)}"
                )
                continue
            try:
                request[name] = array_of(given[name], known[name])
            except (ValueError, OSError, TypeError) as problem:
                mistakes.append(f"{where}{_of(option)}: {_text(problem)}")
        missing = [
            name for name, each in known.items() if not each.optional and name not in options
        ]
        if missing and known.keys() >= options.keys():
            mistakes.append(
                f"Request {number + 1}: '{config.name}' needs {' and '.join(missing)} too; "
                "give a file or a value."
            )
        made.append(request)
    if mistakes:
        raise ScenarioError("\n".join(mistakes))
    return made


def labels(scenario: Scenario) -> list[str]:
    """What to call each request in a sentence: its number and its files."""
    made = []
    for number, request in enumerate(scenario.requests):
        files = ", ".join(option.file for option in request.values() if option.file is not None)
        made.append(f"request {number + 1}" + (f" ({files})" if files else ""))
    return made


def _of(option: InputOptions) -> str:
    return f" from {option.file}" if option.file is not None else ""


def _text(problem: BaseException) -> str:
    if isinstance(problem, OSError):
        return f"it cannot be read: {problem.strerror or type(problem).__name__}."
    return str(problem)
