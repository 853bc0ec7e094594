"""The tensors and parameters of TensorRT-LLM's C++ backend.

As in ``triton_backend/all_models/inflight_batcher_llm/tensorrt_llm/config.pbtxt`` of
NVIDIA/TensorRT-LLM, which has the same tensors in all versions that were looked at (2a9abd95,
0c8de69a). That file leaves data types, numbers and paths open; here all are filled in.

Each tensor has a batch axis in front, of size 1: the backend batches in flight, by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from builders.kit.graph import BATCH, DYNAMIC, Tensor
from repository.arrays import DType

_SCALARS: Mapping[str, DType] = {
    "num_return_sequences": DType.INT32,
    "draft_acceptance_threshold": DType.FP32,
    "end_id": DType.INT32,
    "pad_id": DType.INT32,
    "beam_width": DType.INT32,
    "temperature": DType.FP32,
    "runtime_top_k": DType.INT32,
    "runtime_top_p": DType.FP32,
    "runtime_top_p_min": DType.FP32,
    "runtime_top_p_decay": DType.FP32,
    "runtime_top_p_reset_ids": DType.INT32,
    "len_penalty": DType.FP32,
    "early_stopping": DType.BOOL,
    "repetition_penalty": DType.FP32,
    "min_tokens": DType.INT32,
    "beam_search_diversity_rate": DType.FP32,
    "presence_penalty": DType.FP32,
    "frequency_penalty": DType.FP32,
    "seed": DType.UINT64,
    "return_log_probs": DType.BOOL,
    "return_context_logits": DType.BOOL,
    "return_generation_logits": DType.BOOL,
    "return_perf_metrics": DType.BOOL,
    "return_num_input_tokens": DType.BOOL,
    "return_num_output_tokens": DType.BOOL,
    "exclude_input_in_output": DType.BOOL,
    "stop": DType.BOOL,
    "streaming": DType.BOOL,
    "prompt_vocab_size": DType.INT32,
    "lora_task_id": DType.UINT64,
    "encoder_output_lengths": DType.INT32,
    "decoder_input_lengths": DType.INT32,
}
"""Optional inputs of one number."""

_RAGGED: Mapping[str, tuple[DType, tuple[int, ...]]] = {
    "input_ids": (DType.INT32, (DYNAMIC,)),
    "encoder_input_features": (DType.FP16, (DYNAMIC, DYNAMIC)),
    "draft_input_ids": (DType.INT32, (DYNAMIC,)),
    "decoder_input_ids": (DType.INT32, (DYNAMIC,)),
    "draft_logits": (DType.FP32, (DYNAMIC, DYNAMIC)),
    "stop_words_list": (DType.INT32, (2, DYNAMIC)),
    "bad_words_list": (DType.INT32, (2, DYNAMIC)),
    "embedding_bias": (DType.FP32, (DYNAMIC,)),
    "prompt_embedding_table": (DType.FP16, (DYNAMIC, DYNAMIC)),
    "prompt_table_extra_ids": (DType.UINT64, (DYNAMIC,)),
    "cross_attention_mask": (DType.BOOL, (DYNAMIC, DYNAMIC)),
    "lora_weights": (DType.FP16, (DYNAMIC, DYNAMIC)),
    "lora_config": (DType.INT32, (DYNAMIC, 3)),
    "context_phase_params": (DType.UINT8, (DYNAMIC,)),
    "skip_cross_attn_blocks": (DType.BOOL, (1,)),
    "retention_token_range_starts": (DType.INT32, (DYNAMIC,)),
    "retention_token_range_ends": (DType.INT32, (DYNAMIC,)),
    "retention_token_range_priorities": (DType.INT32, (DYNAMIC,)),
    "retention_token_range_durations_ms": (DType.INT32, (DYNAMIC,)),
    "retention_decode_priority": (DType.INT32, (1,)),
    "retention_decode_duration_ms": (DType.INT32, (1,)),
    "guided_decoding_guide_type": (DType.BYTES, (1,)),
    "guided_decoding_guide": (DType.BYTES, (1,)),
    "lookahead_window_size": (DType.INT32, (1,)),
    "lookahead_ngram_size": (DType.INT32, (1,)),
    "lookahead_verification_set_size": (DType.INT32, (1,)),
}
"""Optional inputs of which requests that are joined may have different sizes."""

_OUTPUTS: Mapping[str, tuple[DType, tuple[int, ...]]] = {
    "output_ids": (DType.INT32, (DYNAMIC, DYNAMIC)),
    "sequence_length": (DType.INT32, (DYNAMIC,)),
    "cum_log_probs": (DType.FP32, (DYNAMIC,)),
    "output_log_probs": (DType.FP32, (DYNAMIC, DYNAMIC)),
    "context_logits": (DType.FP32, (DYNAMIC, DYNAMIC)),
    "generation_logits": (DType.FP32, (DYNAMIC, DYNAMIC, DYNAMIC)),
    "batch_index": (DType.INT32, (1,)),
    "sequence_index": (DType.INT32, (1,)),
    "context_phase_params": (DType.UINT8, (DYNAMIC,)),
    "kv_cache_alloc_new_blocks": (DType.INT32, (1,)),
    "kv_cache_reused_blocks": (DType.INT32, (1,)),
    "kv_cache_alloc_total_blocks": (DType.INT32, (1,)),
    "arrival_time_ns": (DType.INT64, (1,)),
    "first_scheduled_time_ns": (DType.INT64, (1,)),
    "first_token_time_ns": (DType.INT64, (1,)),
    "last_token_time_ns": (DType.INT64, (1,)),
    "acceptance_rate": (DType.FP32, (1,)),
    "total_accepted_draft_tokens": (DType.INT32, (1,)),
    "total_draft_tokens": (DType.INT32, (1,)),
    "num_input_tokens": (DType.INT32, (1,)),
    "num_output_tokens": (DType.INT32, (1,)),
}


def _tensor(name: str, dtype: DType, dims: tuple[int, ...], *, optional: bool = False) -> Tensor:
    axes = {f"{name} {place}": size for place, size in enumerate(dims)}
    return Tensor(name, dtype, {BATCH: DYNAMIC, **axes}, optional=optional)


def _optional(name: str, dtype: DType, dims: tuple[int, ...] = ()) -> Tensor:
    return _tensor(name, dtype, dims, optional=True)


INPUTS = (
    _tensor("input_lengths", DType.INT32, ()),
    _tensor("request_output_len", DType.INT32, ()),
    *(_optional(name, dtype) for name, dtype in _SCALARS.items()),
    *(_optional(name, dtype, dims) for name, (dtype, dims) in _RAGGED.items()),
    _optional("mrope_rotary_cos_sin", DType.FP32, (DYNAMIC,)),
    _optional("mrope_position_deltas", DType.INT64, (1,)),
)

OUTPUTS = tuple(_tensor(name, dtype, dims) for name, (dtype, dims) in _OUTPUTS.items())

RAGGED = tuple(_RAGGED)
