"""What a profile says of the engine ``llmapi``; all keys but ``model`` are optional.

For example::

    families:
      decoder:
        engine: llmapi
        llmapi:
          model: "path:/weights/llama-3.1-8b-fp8"
          tensor_parallel: 2
          kv_cache_fraction: 0.8
          max_sequence: 8192
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from builders.decoder.settings.places import absolute, hub_or_absolute
from builders.kit.recipe.profile import LARGEST_INTEGER, Options, Real, refusal

STEP_TOKENS = 8192
"""Tokens that TensorRT-LLM computes in one step, if nobody says."""

Count = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]


class LlmApiOptions(Options):
    """The keys below ``families.decoder.llmapi``.

    What is left out stays as TensorRT-LLM has it, but for those keys that have a default here.

    Attributes:
        model: the checkpoint, in Hugging Face's form: ``path:`` and where it lies on the machine
            that serves it, or ``hub:org/name@commit``, which that machine has or fetches.
        tokenizer: ``path:`` of the folder of another tokenizer there.
        dtype: of the weights and the arithmetic, where the checkpoint is not quantised.
        quantisation: refused, with where it is said instead.
        tensor_parallel: GPUs that share each layer.
        pipeline_parallel: groups of GPUs that share the layers.
        kv_cache_fraction: the part for the cache of what the weights leave free on a GPU.
        kv_cache_dtype: of the cache's values.
        kv_cache_reuse: whether requests share what they have in front.
        chunked_context: whether a prompt is computed in pieces, between others' steps.
        max_sequence: tokens of a prompt and its answer; by default the checkpoint's.
        max_batch: requests that are computed at once.
        max_step_tokens: tokens that are computed in one step, of all requests.
    """

    model: str
    tokenizer: str | None = None
    dtype: Literal["auto", "float16", "bfloat16"] = "auto"
    quantisation: str | None = None
    tensor_parallel: int = Field(default=1, ge=1, le=64)
    pipeline_parallel: int = Field(default=1, ge=1, le=64)
    kv_cache_fraction: Annotated[Real, Field(gt=0, lt=1)] = 0.9
    kv_cache_dtype: Literal["auto", "fp8", "nvfp4"] = "auto"
    kv_cache_reuse: bool = True
    chunked_context: bool = False
    max_sequence: Count | None = None
    max_batch: Count | None = None
    max_step_tokens: Count = STEP_TOKENS

    @field_validator("model")
    @classmethod
    def _is_a_checkpoint(cls, value: str) -> str:
        return hub_or_absolute(value)

    @field_validator("tokenizer")
    @classmethod
    def _is_a_folder(cls, value: str | None) -> str | None:
        return value if value is None else absolute(value)

    @field_validator("quantisation")
    @classmethod
    def _is_the_checkpoints(cls, value: str | None) -> str | None:
        if value is not None:
            raise refusal(
                "no quantisation, as the PyTorch backend reads it from the checkpoint",
                "Name a quantised checkpoint as model, such as one of NVIDIA's ModelOpt, and the "
                "cache's type as kv_cache_dtype.",
                found=repr(value),
            )
        return value

    @model_validator(mode="after")
    def _fits_a_step(self) -> LlmApiOptions:
        longest = self.max_sequence or 0
        if not self.chunked_context and longest > self.max_step_tokens:
            raise refusal(
                "max_step_tokens of max_sequence or more, as a prompt is computed in one step",
                "Raise max_step_tokens, or write chunked_context: true.",
                found=f"{self.max_step_tokens} and {longest}",
            )
        if (self.max_batch or 0) > self.max_step_tokens:
            raise refusal(
                "max_step_tokens of max_batch or more, as each request of a step has a token in it",
                "Raise max_step_tokens, or lower max_batch.",
                found=f"{self.max_step_tokens} and {self.max_batch}",
            )
        return self
