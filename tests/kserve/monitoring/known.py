"""Which metrics queries may name, and on what each query is tried."""

from __future__ import annotations

LOCAL = frozenset(
    {
        "nv_cpu_memory_total_bytes",
        "nv_cpu_memory_used_bytes",
        "nv_cpu_utilization",
        "nv_inference_compute_infer_duration_us",
        "nv_inference_count",
        "nv_inference_exec_count",
        "nv_inference_pending_request_count",
        "nv_inference_queue_duration_us",
        "nv_inference_request_duration_us",
        "nv_inference_request_failure",
        "nv_inference_request_success",
    }
)
"""What Triton exposes without a GPU (triton docs/user_guide/metrics.md)."""

SCRAPE = frozenset({"up"})
"""What Prometheus itself adds to each target."""

ELSEWHERE = frozenset(
    {
        # triton docs/user_guide/metrics.md, with a GPU
        "nv_gpu_memory_total_bytes",
        "nv_gpu_memory_used_bytes",
        "nv_gpu_power_usage",
        "nv_gpu_utilization",
        # the pipeline `generate`, which the Triton of the real queries does not serve
        "tmk_decoder_waiting",
        # kube-state-metrics docs/metrics/workload/pod-metrics.md
        "kube_pod_container_status_restarts_total",
        "kube_pod_status_phase",
        "kube_pod_status_ready",
        # TensorRT-LLM tensorrt_llm/metrics/collector.py (NVIDIA/TensorRT-LLM#5785, #11243)
        "trtllm_e2e_request_latency_seconds_bucket",
        "trtllm_kv_cache_utilization",
        "trtllm_request_queue_time_seconds_bucket",
        "trtllm_request_queue_time_seconds_count",
        "trtllm_request_queue_time_seconds_sum",
        "trtllm_request_success_total",
        "trtllm_time_per_output_token_seconds_bucket",
        "trtllm_time_to_first_token_seconds_bucket",
        # vLLM docs/usage/metrics.md, vllm/v1/metrics/loggers.py
        "vllm:e2e_request_latency_seconds_bucket",
        "vllm:inter_token_latency_seconds_bucket",
        "vllm:kv_cache_usage_perc",
        "vllm:request_queue_time_seconds_bucket",
        "vllm:request_queue_time_seconds_count",
        "vllm:request_queue_time_seconds_sum",
        "vllm:request_success_total",
        "vllm:time_to_first_token_seconds_bucket",
    }
)
"""What neither the local Triton nor its Prometheus has: queries of these are synthetic."""

REAL = frozenset(
    {
        "record/model:triton_successes:rate5m",
        "record/model:triton_failures:rate5m",
        "record/model:triton_compute_share:rate15m",
        "alert/TritonDown",
        "alert/TritonNoMetrics",
        "alert/TritonNoModels",
        "alert/TritonBacklog",
        "alert/TritonQueueFull",
        "alert/TritonErrors",
        "alert/TritonQueueSlow",
        "alert/TritonRequestSlow",
        "alert/TritonStepShareGrew",
        "triton-models/Requests answered by model",
        "triton-models/Failures by model",
        "triton-models/Error ratio by model",
        "triton-models/Latency of pipelines",
        "triton-models/Latency of steps",
        "triton-models/Time in the queue, by step",
        "triton-models/Requests waiting, by step",
        "triton-models/Steps' share of computing",
        "triton-models/Batch size",
        "triton-servers/Servers that answer",
        "triton-servers/Models loaded",
        "triton-servers/Loads and unloads in ten minutes",
        "triton-servers/CPU of the node",
        "triton-servers/Memory of the node",
        "keda/multimodal/0",
        "keda/ocr/0",
        "keda/ocr/1",
    }
)
"""Tried on a real Prometheus that scrapes a real Triton under load."""

SYNTHETIC = frozenset(
    {
        "alert/TritonRestarts",
        "alert/PodNotReady",
        "alert/DecoderQueueSlow",
        "decoder/Requests answered",
        "decoder/Latency of requests",
        "decoder/Time to the first token",
        "decoder/Time per token",
        "decoder/Time in the queue",
        "decoder/KV cache in use",
        "keda/multimodal/1",
        "triton-servers/Containers restarted in an hour",
        "triton-servers/Pods that are not ready",
        "triton-servers/GPU occupancy",
        "triton-servers/GPU memory",
        "triton-servers/GPU power",
    }
)
"""Tried by promtool on the series of ``synthetic.yaml``, or of ``alerts.yaml`` for an alert."""
