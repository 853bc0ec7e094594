"""The script that builds an engine, in TensorRT-LLM's image and on the GPU that will serve it.

Its programs and their options are those of release 1.2.1: ``convert_checkpoint.py`` in
``examples/models/core/``, and ``trtllm-build`` in ``tensorrt_llm/commands/build.py``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.engines.image import IMAGE, TENSORRT_LLM
from builders.decoder.settings.legacy import LegacyOptions
from builders.kit.sources import parse

FILE = "build_engine.sh"

CONVERTERS: Mapping[tuple[str, str], str] = {
    ("LlamaForCausalLM", "LlamaForCausalLM"): "llama",
    ("MistralForCausalLM", "MistralForCausalLM"): "llama",
    ("Qwen2ForCausalLM", "Qwen2ForCausalLM"): "qwen",
    ("LlavaForConditionalGeneration", "LlamaForCausalLM"): "llama",
}
"""A checkpoint's class and its language model's -> the folder of the program that converts it."""

_SCRIPT = """\
#!/usr/bin/env bash
# Builds the engine that the model beside this file serves: TensorRT-LLM {version}.
# It runs in {image},
# on a GPU of the kind that will serve the engine.
# shellcheck disable=SC2016  # a path is taken as it is, whatever it looks like
set -euo pipefail

checkpoint={checkpoint}
engine={engine}

python3 /app/examples/models/core/{converter}/convert_checkpoint.py \\
{convert}

trtllm-build \\
{build}
"""


def converter(decoder: Decoder) -> str | None:
    """The folder of the program that converts a checkpoint; None if none does."""
    return CONVERTERS.get((decoder.architecture, decoder.language_model))


def script(
    decoder: Decoder, options: LegacyOptions, *, slots: int, context: int, rows: int
) -> bytes:
    """The script.

    Args:
        decoder: a checkpoint that :func:`converter` knows.
        options: what the profile says.
        slots: requests that are computed at once.
        context: tokens of a prompt and its answer.
        rows: rows of an image, at most.
    """
    weights = (
        {}
        if options.quantisation == "none"
        else {"use_weight_only": None, "weight_only_precision": options.quantisation}
    )
    convert = {
        "model_dir": '"$checkpoint"',
        "output_dir": '"$engine.checkpoint"',
        "dtype": options.dtype,
        "tp_size": options.tensor_parallel,
        "pp_size": options.pipeline_parallel,
        **weights,
    }
    build = {
        "checkpoint_dir": '"$engine.checkpoint"',
        "output_dir": '"$engine"',
        "gemm_plugin": "auto",
        "kv_cache_type": "paged",
        # Without it the engine can neither reuse a cache nor cut a prompt.
        "use_paged_context_fmha": "enable",
        "max_beam_width": 1,
        "max_batch_size": slots,
        "max_input_len": options.max_input or context - 1,
        "max_seq_len": context,
        "max_num_tokens": options.max_step_tokens,
        # Of all requests that are computed at once.
        **({"max_multimodal_len": slots * options.images * rows} if options.images else {}),
    }
    return _SCRIPT.format(
        version=TENSORRT_LLM,
        image=IMAGE,
        checkpoint=shlex.quote(parse(options.checkpoint).name),
        engine=shlex.quote(parse(options.engine).name),
        converter=converter(decoder),
        convert=_flags(convert),
        build=_flags(build),
    ).encode()


def _flags(options: Mapping[str, object]) -> str:
    return " \\\n".join(
        f"    --{name}" if value is None else f"    --{name} {value}"
        for name, value in options.items()
    )
