"""Triton's load-time rules, and ours, before any server starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tritonclient.grpc import model_config_pb2 as pb

from builders.kit.check_ensemble import Versions, check_ensemble
from builders.kit.check_files import scan
from builders.kit.check_graph import check_calls, check_declarations, everything
from builders.kit.check_model import check_model
from builders.kit.config import complete_config
from builders.kit.findings import Finding
from builders.kit.graph import Model
from builders.kit.release import Release


def check_graph(models: Sequence[Model], release: Release) -> list[Finding]:
    """Every mistake of a graph.

    Args:
        models: pipelines and single models; ensembles bring their composing models with them.
        release: the Triton release that will serve them.
    """
    known = everything(models)
    configs = {model.name: complete_config(model) for model in known}
    versions = {model.name: {1} & set(model.versions.specific or (1,)) for model in known}
    return [
        *check_declarations(known),
        *_check_configs(configs, versions, release),
        *check_calls(known),
    ]


def check_repository(folder: Path, release: Release) -> list[Finding]:
    """Every mistake of a repository folder on disk, whoever made it.

    Args:
        folder: the repository.
        release: the Triton release that will serve it.
    """
    models, findings = scan(folder)
    configs = {model.name: model.config for model in models if model.config is not None}
    versions = {model.name: model.served for model in models}
    return [*findings, *_check_configs(configs, versions, release)]


def _check_configs(
    configs: Mapping[str, pb.ModelConfig], versions: Versions, release: Release
) -> Iterator[Finding]:
    for config in configs.values():
        yield from check_model(config, release)
        yield from check_ensemble(config, configs, versions)
