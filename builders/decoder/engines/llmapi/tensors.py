"""The tensors of TensorRT-LLM's ``llmapi`` model.

Those that ``triton_backend/all_models/llmapi/tensorrt_llm/config.pbtxt`` of NVIDIA/TensorRT-LLM has
both before release 1.2.1 (at c8c6df08) and after it (at 0a710573). What came with the later one,
images and LoRA, the release need not have.
"""

from __future__ import annotations

from builders.kit.graph import DYNAMIC, Tensor
from repository.arrays import DType


def _one(name: str, dtype: DType) -> Tensor:
    return Tensor(name, dtype, {"one": 1})


def _asked(name: str, dtype: DType) -> Tensor:
    return Tensor(name, dtype, {"one": 1}, optional=True)


def _some(name: str, dtype: DType) -> Tensor:
    return Tensor(name, dtype, {f"{name}s": DYNAMIC})


INPUTS = (
    _some("text_input", DType.BYTES),
    _asked("streaming", DType.BOOL),
    _asked("sampling_param_best_of", DType.INT32),
    _asked("sampling_param_temperature", DType.FP32),
    _asked("sampling_param_top_k", DType.INT32),
    _asked("sampling_param_top_p", DType.FP32),
    _asked("sampling_param_frequency_penalty", DType.FP32),
    _asked("sampling_param_presence_penalty", DType.FP32),
    _asked("sampling_param_max_tokens", DType.INT32),
    Tensor("sampling_param_stop", DType.BYTES, {"stops": DYNAMIC}, optional=True),
    _asked("sampling_param_seed", DType.UINT64),
    _asked("sampling_param_exclude_input_from_output", DType.BOOL),
    _asked("sampling_param_return_perf_metrics", DType.BOOL),
    _asked("return_finish_reason", DType.BOOL),
    _asked("return_stop_reason", DType.BOOL),
    _asked("return_cumulative_logprob", DType.BOOL),
    _asked("stop", DType.BOOL),
)

OUTPUTS = (
    _some("text_output", DType.BYTES),
    _some("finish_reason", DType.BYTES),
    _some("stop_reason", DType.BYTES),
    _some("cumulative_logprob", DType.FP32),
    _some("kv_cache_reused_block", DType.INT32),
    _some("kv_cache_missed_block", DType.INT32),
    _some("kv_cache_alloc_new_blocks", DType.INT32),
    _some("kv_cache_alloc_total_blocks", DType.INT32),
    _some("kv_cache_hit_rate", DType.FP32),
    _one("arrival_time_ns", DType.INT64),
    _one("first_scheduled_time_ns", DType.INT64),
    _one("first_token_time_ns", DType.INT64),
    _one("last_token_time_ns", DType.INT64),
    _one("acceptance_rate", DType.FP32),
    _one("total_accepted_draft_tokens", DType.INT32),
    _one("total_draft_tokens", DType.INT32),
)
