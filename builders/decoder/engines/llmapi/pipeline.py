"""The model ``tensorrt_llm`` of TensorRT-LLM's LLM API, from a profile's options."""

from __future__ import annotations

from builders.decoder.engines.image import BACKENDS, IMAGE, MODEL, refuse_other_releases
from builders.decoder.engines.llmapi.model_yaml import model_yaml
from builders.decoder.engines.llmapi.tensors import INPUTS, OUTPUTS
from builders.decoder.settings.llmapi import LlmApiOptions
from builders.kit.family import Conditions
from builders.kit.graph import GivenModel, QueuePolicy
from builders.kit.graph.stage_source import module_path


def pipeline(options: LlmApiOptions, conditions: Conditions) -> GivenModel:
    """The model. No checkpoint is read: it lies where the model is served.

    TensorRT-LLM's own config leaves out ``max_batch_size`` and ``decoupled``, which its model fills
    in from model.yaml. Here the config says the same as that file, so a server may complete configs
    or not. It has no queue: the model takes each request at once, and the engine has them wait.

    Args:
        options: what the profile says.
        conditions: what else it does.

    Raises:
        FamilyError: the profile is for a Triton without this TensorRT-LLM.
    """
    refuse_other_releases("llmapi", conditions)
    return GivenModel(
        name=MODEL,
        inputs=INPUTS,
        outputs=OUTPUTS,
        decoupled=True,
        queue=QueuePolicy(max_size=0),
        backend="python",
        files={
            "model.py": module_path("builders.decoder.engines.llmapi.from_image"),
            "model.yaml": model_yaml(options),
        },
        image=IMAGE,
        backends=BACKENDS,
    )
