"""Measures each model of a repository at a pipeline's largest request.

The pipeline runs once in this process, which gives every model's inputs; then each model runs in a
process of its own, which gives its memory: weights, what its library keeps, and activations. A
stage that calls models runs them in its process too, so their memory is counted once too often.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.kit.resources.request import LoadError, request
from builders.kit.resources.size import size_of
from repository.arrays import Arrays
from repository.config.facts import is_ensemble
from repository.config.text import read_config
from repository.errors import KitError
from repository.places import ROOT
from repository.usage.found import Usages, usages
from runtime.inprocess import InProcess

PROBE_SECONDS = 300

UNMEASURED = 4 * 3 * 12_000_000
"""Bytes of tensors of a pipeline that runs on its target alone: 12 megapixels in RGB, four times;
also five minutes of sound at 16 kHz, seven times."""


@dataclass(frozen=True)
class Measured:
    """One model at its largest call.

    Attributes:
        memory: bytes that a process grew by to load and run it.
        tensors: bytes of its inputs and outputs together.
        rows: the length of its first input's first axis.
    """

    memory: int
    tensors: int
    rows: int


@dataclass(frozen=True)
class Load:
    """What a repository's pipelines take at their largest requests.

    Attributes:
        models: by name, those that ran.
        tensors: bytes of all tensors of the pipeline with the most.
        requests: what was sent, in words.
    """

    models: Mapping[str, Measured]
    tensors: int
    requests: tuple[str, ...]


def measure(
    repository: Path, files: Mapping[str, Path | None], declared: Usages | None = None
) -> Load:
    """Measure pipelines.

    Args:
        repository: a built repository.
        files: pipeline -> the file of its largest request; None is what its family declares.
        declared: what families declare; by default all that can be found.

    Raises:
        LoadError: a pipeline does not exist, refuses its request, or has none.
        UsageError: what a family declares cannot be read.
    """
    largest: dict[str, Arrays] = {}
    tensors, requests = 0, []
    declared = declared or usages(repository)
    for pipeline, file in sorted(files.items()):
        calls, words, total = _run(repository, pipeline, file, declared)
        requests.append(f"{pipeline}: {words}")
        tensors = max(tensors, total)
        for model, inputs in calls.items():
            if model not in largest or size_of(inputs) > size_of(largest[model]):
                largest[model] = inputs
    models = {name: _probe(repository, name, inputs) for name, inputs in sorted(largest.items())}
    return Load(models, tensors, tuple(requests))


def _run(
    repository: Path, pipeline: str, file: Path | None, declared: Usages
) -> tuple[dict[str, Arrays], str, int]:
    """Each model's largest inputs, the request in words, and the bytes of all tensors."""
    path = repository / pipeline / "config.pbtxt"
    if not path.is_file():
        raise LoadError(f"{repository} has no model '{pipeline}'")
    config = read_config(path)
    usage = declared.of(pipeline) if file is None else None
    if usage is not None and usage.largest is not None and usage.largest.elsewhere:
        return {}, f"{usage.largest.words}, by its size", size_of(usage.largest.inputs())
    composed = is_ensemble(config)
    largest: dict[str, Arrays] = {}
    total, lock = 0, threading.Lock()

    def observe(model: str, inputs: Arrays) -> None:
        nonlocal total
        size = size_of(inputs)
        with lock:
            total += size
            if composed and model == pipeline:
                return
            if model not in largest or size > size_of(largest[model]):
                largest[model] = dict(inputs)

    with InProcess(repository, observe=observe) as process:
        try:
            process.load(pipeline)
        except (KitError, ValueError) as error:  # as TensorRT's plans
            return {}, f"not measured: {error}", UNMEASURED
        inputs, words = request(config, file, declared)
        try:
            outputs = process.run(pipeline, inputs)
        except (KitError, ValueError, RuntimeError) as error:
            raise LoadError(f"'{pipeline}' refuses its largest request: {error}") from error
    return largest, words, total + size_of(outputs)


def _probe(repository: Path, model: str, inputs: Arrays) -> Measured:
    command = [sys.executable, "-B", "-m", "builders.kit.resources.probe"]
    try:
        done = subprocess.run(
            [*command, str(repository.resolve()), model, str(os.getpid())],
            input=pickle.dumps(dict(inputs)),
            capture_output=True,
            timeout=PROBE_SECONDS,
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"'{model}' did not end within {PROBE_SECONDS} s") from error
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise LoadError(f"'{model}' does not run by itself: {' '.join(last)}")
    told = json.loads(done.stdout.splitlines()[-1])  # a stage may print too
    first = next(iter(inputs.values()))
    return Measured(
        memory=told["bytes"],
        tensors=size_of(inputs) + told["answers"],
        rows=first.shape[0] if first.ndim else 1,
    )
