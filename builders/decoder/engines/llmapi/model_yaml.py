"""Writes ``model.yaml``: arguments of TensorRT-LLM's ``LLM()``, and what its model tells Triton.

The arguments are of the part that TensorRT-LLM calls stable, of ``TorchLlmArgs`` and
``KvCacheConfig`` in ``tensorrt_llm/llmapi/llm_args.py``.
"""

from __future__ import annotations

from typing import Any

import yaml

from builders.decoder.settings.llmapi import LlmApiOptions
from builders.kit.sources import parse

_HEAD = """\
# Arguments of TensorRT-LLM's LLM(), and below triton_config what its model tells Triton.
"""


def model_yaml(options: LlmApiOptions) -> bytes:
    """The file of a profile's options; it reads back as :func:`document` gives it."""
    text = yaml.safe_dump(
        document(options), sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return f"{_HEAD}{text}".encode()


def document(options: LlmApiOptions) -> dict[str, Any]:
    """What the file says."""
    source = parse(options.model)
    return {
        "model": source.name,
        **({"revision": source.revision} if source.revision else {}),
        **({"tokenizer": parse(options.tokenizer).name} if options.tokenizer else {}),
        # Code of a checkpoint never runs.
        "trust_remote_code": False,
        "backend": "pytorch",
        "dtype": options.dtype,
        "tensor_parallel_size": options.tensor_parallel,
        "pipeline_parallel_size": options.pipeline_parallel,
        "kv_cache_config": {
            "free_gpu_memory_fraction": options.kv_cache_fraction,
            "dtype": options.kv_cache_dtype,
            "enable_block_reuse": options.kv_cache_reuse,
        },
        "enable_chunked_prefill": options.chunked_context,
        **({"max_seq_len": options.max_sequence} if options.max_sequence else {}),
        **({"max_batch_size": options.max_batch} if options.max_batch else {}),
        "max_num_tokens": options.max_step_tokens,
        # As in the config: the model refuses to stream if this is false.
        "triton_config": {"max_batch_size": 0, "decoupled": True},
    }
