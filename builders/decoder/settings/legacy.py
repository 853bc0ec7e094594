"""What a profile says of the engine ``tensorrt_llm_engine``.

For example::

    families:
      decoder:
        source: "path:~/models/llava"        # read here: its tokenizer and its template
        engine: tensorrt_llm_engine
        tensorrt_llm_engine:
          checkpoint: "path:/weights/llava"  # where the engine is built
          engine: "path:/engines/llava"      # where it is served
          images: 4
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from builders.decoder.settings.llmapi import STEP_TOKENS, Count
from builders.decoder.settings.places import absolute
from builders.kit.recipe.profile import Options, Real, refusal


class LegacyOptions(Options):
    """The keys below ``families.decoder.tensorrt_llm_engine``.

    Attributes:
        checkpoint: ``path:`` of the checkpoint on the machine that builds the engine.
        engine: ``path:`` of the engine's folder, where it is built and where it is served. Beside
            it, ``<engine>.checkpoint`` takes the converted weights.
        dtype: of the engine's arithmetic.
        quantisation: of matrices' weights alone.
        tensor_parallel: GPUs that share each layer.
        pipeline_parallel: groups of GPUs that share the layers.
        max_input: tokens of a prompt; by default one fewer than the context.
        max_step_tokens: tokens that are computed in one step, of all requests.
        images: of a request, at most; 0 builds an engine for text alone.
        image_rows: rows of an image, at most; by default the checkpoint's number, if it has one.
        kv_cache_fraction: the part for the cache of what the engine leaves free on a GPU.
        kv_cache_reuse: whether requests share what they have in front.
        chunked_context: whether a prompt is computed in pieces, between others' steps.
    """

    checkpoint: str
    engine: str
    dtype: Literal["float16", "bfloat16"] = "float16"
    quantisation: Literal["none", "int8", "int4"] = "none"
    tensor_parallel: int = Field(default=1, ge=1, le=64)
    pipeline_parallel: int = Field(default=1, ge=1, le=64)
    max_input: Count | None = None
    max_step_tokens: Count = STEP_TOKENS
    images: int = Field(default=0, ge=0, le=16)
    image_rows: Annotated[int, Field(ge=1, le=1 << 16)] | None = None
    kv_cache_fraction: Annotated[Real, Field(gt=0, lt=1)] = 0.9
    kv_cache_reuse: bool = True
    chunked_context: bool = False

    @field_validator("checkpoint", "engine")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        return absolute(value)

    @model_validator(mode="after")
    def _can_take_images(self) -> LegacyOptions:
        if self.images and self.dtype == "bfloat16":
            raise refusal(
                "dtype: float16 with images, as numpy, and so a stage, has no BF16 for their rows",
                "Write dtype: float16.",
                found="bfloat16",
            )
        if self.images and self.chunked_context:
            raise refusal(
                "chunked_context: false with images, as rows of images in a prompt that is cut "
                "were never tried",
                "Leave chunked_context out.",
                found="true",
            )
        if self.image_rows is not None and not self.images:
            raise refusal("images, with image_rows", "Write images: 1, or more.", found="0")
        return self
