"""What is tuned, and the requests that it is measured with: those it gets in the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perf.errors import PerfError, ScenarioError
from perf.measure.inputs import Request, requests_of
from perf.scenario import Scenario, declared_usages, load_scenario, scenarios
from repository.arrays import Arrays
from repository.check.files.folder import ModelFolder, scan
from repository.config.facts import is_decoupled, is_ensemble, is_sequence
from repository.config.proto import pb
from repository.files.yaml_file import suggest
from runtime.inprocess import InProcess


@dataclass(frozen=True)
class Subject:
    """One model of a repository, and how to call it.

    Attributes:
        model: its name.
        config: as it is now.
        called: what is called: the model itself, or the pipeline that it is measured through.
        models: all models that this takes, :attr:`called` and the model included.
        requests: to :attr:`called`.
        calls: of the model, for one request; the most.
        rows: of one call of a model that batches; the most.
    """

    model: str
    config: pb.ModelConfig
    called: str
    models: tuple[str, ...]
    requests: tuple[Request, ...]
    calls: int
    rows: int


def find_scenario(
    repository: Path, model: str, pipeline: str | None, code: Sequence[str] = ()
) -> Scenario:
    """The first scenario of the kit for this pipeline, or else for one with this model.

    Raises:
        PerfError: there is none, or no such model or pipeline.
    """
    there = _models(repository)
    for each in (model, pipeline or model):
        _config(each, there, repository)
    declared = declared_usages(repository, code)
    own = [name for name, each in declared.declared.items() if each.requests]
    known = [load_scenario(name, declared) for name in dict.fromkeys((*scenarios(), *own))]
    fitting = [each for each in known if each.pipeline == pipeline] or [
        each for each in known if model in _needed(each.pipeline, there)
    ]
    if fitting:
        return fitting[0]
    raise PerfError(
        f"No scenario ({', '.join(each.pipeline for each in known)}) has requests that reach "
        f"'{model}'. Write one and name it.",
        arguments=("scenario",),
    )


def find(repository: Path, model: str, scenario: Scenario, pipeline: str | None) -> Subject:
    """The model, checked, with its requests.

    Args:
        repository: a built repository.
        model: its name.
        scenario: its requests go to its pipeline, which runs in this process to see what the
            model gets.
        pipeline: call this instead of the model.

    Raises:
        PerfError: there is no such model or pipeline, one that cannot be tuned, or the scenario's
            requests do not fit.
    """
    there = _models(repository)
    config = _config(model, there, repository)
    if is_ensemble(config):
        raise PerfError(
            f"'{model}' is an ensemble: it has no instances, queue or threads of its own. "
            f"Tune one of its models: {', '.join(sorted(_needed(model, there) - {model}))}."
        )
    if is_sequence(config) or is_decoupled(config):
        kind = "decoupled" if is_decoupled(config) else "a sequence model"
        raise PerfError(
            f"'{model}' is {kind}: single requests and answers, as are sent here, are not its load."
        )
    called = pipeline or model
    models = _needed(called, there)
    top = _config(called, there, repository)
    if model not in models:
        raise PerfError(
            f"'{model}' is no part of '{called}', which calls "
            f"{', '.join(sorted(models - {called})) or 'no other model'}."
        )
    recorded: list[list[Request]] = []
    if scenario.pipeline != model and model in _needed(scenario.pipeline, there):
        source = _config(scenario.pipeline, there, repository)
        recorded = _record(repository, source, requests_of(scenario, source), model)
    if recorded and called == model:
        requests = [call for calls in recorded for call in calls]
    else:
        requests = requests_of(scenario, top)
    if not requests:
        raise ScenarioError(f"None of the requests to '{scenario.pipeline}' reaches '{model}'.")
    calls = [call for calls in recorded for call in calls] or (requests if called == model else [])
    return Subject(
        model=model,
        config=config,
        called=called,
        models=tuple(sorted(models)),
        requests=tuple(requests),
        calls=1 if called == model else max([1, *map(len, recorded)]),
        rows=max([1, *(_rows(call) for call in calls)]) if config.max_batch_size else 1,
    )


def _models(repository: Path) -> Mapping[str, ModelFolder]:
    if not repository.is_dir():
        raise PerfError(
            f"There is no model repository at {repository}. Build one: python -m builders build"
        )
    return {each.name: each for each in scan(repository)[0] if each.config is not None}


def _config(name: str, there: Mapping[str, ModelFolder], repository: Path) -> pb.ModelConfig:
    folder = there.get(name)
    if folder is None or folder.config is None:
        raise PerfError(
            f"There is no model '{name}' in {repository}; it has {', '.join(sorted(there))}. "
            f"{suggest(name, there)}"
        )
    return folder.config


def _needed(name: str, there: Mapping[str, ModelFolder]) -> set[str]:
    """A model and all models that it calls, directly or through others, as far as they exist."""
    found: set[str] = set()
    waiting = {name}
    while waiting := (waiting - found) & there.keys():
        found |= waiting
        waiting = set().union(*(there[each].calls() for each in waiting))
    return found


def _record(
    repository: Path, config: pb.ModelConfig, requests: list[Request], model: str
) -> list[list[Request]]:
    """What the model gets, call by call, for each request to the pipeline."""
    found: list[list[Request]] = []

    def observe(name: str, inputs: Arrays) -> None:
        if name == model:
            found[-1].append({key: np.array(value) for key, value in inputs.items()})

    process = InProcess(repository, observe=observe)
    for request in requests:
        found.append([])
        try:
            process.run(config.name, request)
        except Exception as problem:
            # Whatever a stage or ONNX Runtime raises, the request or the repository is at fault.
            raise PerfError(
                f"'{config.name}' cannot run in this process to see what '{model}' gets: {problem}"
            ) from None
    return found


def _rows(request: Request) -> int:
    return int(next(iter(request.values())).shape[0]) if request else 1
