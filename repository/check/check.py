"""Triton's load-time rules, and ours, before any server starts.

One implementation serves two callers: :func:`check_repository` reads any folder, ours or anybody's;
a builder holds its configs to :func:`check_configs` before it writes them. All mistakes are found
at once.
:data:`repository.check.rules.RULES` lists the rules.

Stricter than Triton
--------------------
Some findings are errors though a server of 24.10 loads the model, since it can only fail later: an
optional ensemble input mapped to a required one (each request without it fails), a step that writes
over an ensemble input (the first request never ends), two inputs of one name (each request fails),
ends of a tensor whose full shapes disagree where Triton compares only some, a BLS model that calls
itself, paths that lead out of a model's folder, sizes that no memory holds. Their rules say
``Triton.LOADS``. An ONNX model whose requests would get each other's rows is refused too: the C++
onnxruntime backend loads it, and the local server's does not.

A model of the onnxruntime backend has to have a name in ASCII that a shell takes as it stands,
since the local server runs it in a stub of the Python backend; the server of NVIDIA's images takes
any name.

What the check cannot see
-------------------------
- **The machine**: whether there are GPUs for KIND_GPU (or for KIND_AUTO with ``gpus``), enough
  memory, the backend's library, a response cache (without ``--cache-config`` a config that asks for
  one loads, and nothing is cached).
- **What code does**: a Python model that raises in ``initialize``, imports what is not installed,
  changes its config in ``auto_complete_config``, or answers with other tensors than it declares;
  the name of a model that a BLS request computes.
- **Inside plans and other formats**: only ONNX files are opened. A TensorRT plan's bindings,
  version and GPU are known to the server alone. So are operators that its ONNX Runtime lacks.
- **Values at run time**: sizes of dynamic axes that do not agree, more rows than a step's
  ``max_batch_size``, strings with an embedded NUL, a tensor of no rows that a graph cannot take.
- **What code and plans fill in**: on a server that completes configs
  (:class:`repository.check.files.completed.Target`) an ONNX model's is completed from its file;
  what a Python model's ``auto_complete_config`` or another backend fills in is not guessed, and an
  ensemble over such a model is held only to what is written.
- **The way it is started**: ``default-max-batch-size``, several repositories with one
  model's name, model namespacing, what repository agents do, a custom batching library.
- **Shared memory of dynamic tensors**: the estimate takes each dynamic axis as 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from repository.check.calls import check_call_graph, check_called
from repository.check.ensemble.steps import Configs, Versions, check_ensemble
from repository.check.files.completed import Target, complete
from repository.check.files.folder import ModelFolder, scan
from repository.check.guarded import guarded
from repository.check.limits import check_limits
from repository.check.model.config import check_batching, check_model
from repository.check.model.names import check_names, check_path
from repository.check.model.paths import check_paths
from repository.check.model.sequence import check_sequence
from repository.check.serving import check_complete, check_service, check_shared_memory
from repository.config.facts import called, is_ensemble, is_onnx
from repository.config.proto import pb
from repository.files.reading import exists
from repository.findings import Finding
from repository.release import Release


def check_repository(
    folder: Path,
    release: Release,
    *,
    target: Target = Target.STRICT,
    shared_memory: int | None = None,
    in_place: bool = True,
) -> list[Finding]:
    """Every mistake in a repository folder, from this kit or not.

    Args:
        folder: the repository.
        release: the Triton release that will serve it.
        target: how that server is started.
        shared_memory: bytes of shared memory where it will be served; None asks this machine.
        in_place: whether it will be served under this path, so that the path is checked too.
    """
    completes = target is Target.DEFAULT
    models, findings = scan(folder, needs_config=not completes)
    for model in models if completes else ():
        findings += guarded(model.name, _check_written(model))
        findings += guarded(model.name, complete(model))
    configs = {model.name: model.config for model in models if model.config is not None}
    versions = {model.name: model.served for model in models}
    open_models = {model.name for model in models if model.is_open}
    findings += check_configs(configs, versions, release, open_models)
    for model in models:
        if not completes and model.config is not None:
            findings += check_complete(model.config)
        findings += guarded(model.name, _check_onnx(model, release))
    if in_place:
        backends = {name: config.backend for name, config in configs.items()}
        findings += check_path(folder, backends)
    findings += check_shared_memory(configs.values(), shared_memory)
    calls = {model.name: model.calls() for model in models}
    declared = {
        name: set(called(config)) for name, config in configs.items() if not is_ensemble(config)
    }
    findings += check_call_graph(calls, declared)
    return list(dict.fromkeys(findings))


def _check_written(model: ModelFolder) -> Iterator[Finding]:
    """Triton holds sizes of batches to what is written, before a backend completes it."""
    if model.config is not None and not is_ensemble(model.config):
        yield from check_batching(model.config)
        yield from check_sequence(model.config)


def check_configs(
    configs: Configs, versions: Versions, release: Release, open_models: Set[str] = frozenset()
) -> Iterator[Finding]:
    """Every mistake of configs that are served together.

    Args:
        configs: by the models' names.
        versions: the versions of each that are served.
        release: the Triton release that will serve them.
        open_models: models whose tensors their config does not say.
    """
    for config in configs.values():
        found = _check_config(config, configs, versions, release, open_models)
        yield from guarded(config.name, found)


def _check_config(
    config: pb.ModelConfig,
    configs: Mapping[str, pb.ModelConfig],
    versions: Versions,
    release: Release,
    open_models: Set[str],
) -> Iterator[Finding]:
    yield from check_model(config, release, is_open=config.name in open_models)
    yield from check_names(config, config.backend)
    yield from check_paths(config)
    yield from check_limits(config)
    yield from check_ensemble(config, configs, versions, open_models)
    yield from check_called(config, configs)
    yield from check_service(config, release)


def _check_onnx(model: ModelFolder, release: Release) -> Iterator[Finding]:
    if model.config is None or not is_onnx(model.config):
        return
    from repository.check.onnx.file import check_onnx

    for path in model.model_files():
        if exists(path):
            config = model.completed.get(int(path.parent.name), model.config)
            yield from check_onnx(config, path, release)
