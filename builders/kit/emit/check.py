"""A graph, held to Triton's load-time rules before any of its files is written."""

from __future__ import annotations

from collections.abc import Sequence

from builders.kit.emit.config import complete_config
from builders.kit.graph import Model, closure
from builders.kit.graph.declarations import WRITTEN_VERSION, check_calls, check_declarations
from repository.check.check import check_configs
from repository.findings import Finding
from repository.release import Release


def check_graph(models: Sequence[Model], release: Release) -> list[Finding]:
    """Every mistake of a graph.

    Args:
        models: pipelines and single models; they bring with them what they need.
        release: the Triton release that will serve them.
    """
    known = closure(models)
    configs = {model.name: complete_config(model) for model in known}
    versions = {
        model.name: {WRITTEN_VERSION} & set(model.versions.specific or (WRITTEN_VERSION,))
        for model in known
    }
    return [
        *check_declarations(known),
        *check_configs(configs, versions, release),
        *check_calls(known),
    ]
