"""A graph, held to Triton's load-time rules before any of its files is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from builders.kit.emit.config import configs_of
from builders.kit.graph import Model, closure
from builders.kit.graph.declarations import WRITTEN_VERSION, check_calls, check_declarations
from repository.check.check import check_configs
from repository.config.proto import pb
from repository.findings import Finding
from repository.release import Release


def check_graph(
    models: Sequence[Model],
    release: Release,
    configs: Mapping[str, pb.ModelConfig] | None = None,
) -> list[Finding]:
    """Every mistake of a graph.

    Args:
        models: pipelines and single models; the models that they need are added.
        release: the Triton release that will serve them.
        configs: each model's config; made here if not given.
    """
    known = closure(models)
    configs = configs_of(known) if configs is None else configs
    versions = {
        model.name: {WRITTEN_VERSION} & set(model.versions.specific or (WRITTEN_VERSION,))
        for model in known
    }
    return [
        *check_declarations(known),
        *check_configs(configs, versions, release),
        *check_calls(known),
    ]
