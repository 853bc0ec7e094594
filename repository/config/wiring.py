"""An ensemble's config as what :mod:`repository.copied.flow` runs."""

from __future__ import annotations

from collections.abc import Mapping

from repository.config.proto import pb
from repository.copied.flow import Ends, Wiring


def wiring(config: pb.ModelConfig, configs: Mapping[str, pb.ModelConfig]) -> list[Wiring]:
    """The steps of an ensemble, in the order of its config.

    Args:
        config: the ensemble's.
        configs: those of its composing models, by name. A model that is not among them is taken
            not to batch.
    """
    return [
        Wiring(
            step.model_name,
            dict(step.input_map),
            dict(step.output_map),
            batches=model.max_batch_size > 0,
            dims={tensor.name: [*tensor.dims] for tensor in model.input},
        )
        for step in config.ensemble_scheduling.step
        for model in [configs.get(step.model_name, pb.ModelConfig())]
    ]


def ends(config: pb.ModelConfig) -> Ends:
    """An ensemble's own ends."""
    return Ends(
        batches=config.max_batch_size > 0,
        outputs={
            tensor.name: [*(tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims)]
            for tensor in config.output
        },
    )
