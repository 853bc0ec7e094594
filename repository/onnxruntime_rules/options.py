"""The settings of a model config that the backend reads: parameters and accelerators.

Names, values and their parsing are those of the C++ backend (README of
triton-inference-server/onnxruntime_backend and ``ModelState`` in its ``onnxruntime.cc``).
"""

from __future__ import annotations

import re

from .facts import Config, Violation, entries, string_parameters

INTEGERS = ("intra_op_thread_count", "inter_op_thread_count", "execution_mode")
BOOLEANS = ("enable_mem_arena", "enable_mem_pattern")
STRINGS = (
    "session.use_device_allocator_for_initializers",
    "memory.enable_memory_arena_shrinkage",
)
CUDA_CHOICES = {
    "cudnn_conv_algo_search": ("EXHAUSTIVE", "HEURISTIC", "DEFAULT"),
    "arena_extend_strategy": ("kNextPowerOfTwo", "kSameAsRequested"),
}
"""Parameters of a GPU model whose value is the index of an ONNX Runtime enumeration."""

CUDA_STRINGS = ("gpu_mem_limit", "do_copy_in_default_stream")
CPU_ACCELERATORS = ("openvino",)
GPU_ACCELERATORS = ("tensorrt", "cuda")

_BOOLEANS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_SHOWN = 40
"""Characters of a value that a message shows."""
_LONGEST = 20
"""Digits of the largest number of 64 bits."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TENSORRT_SIZES = _words("max_workspace_size_bytes")
_TENSORRT_INTEGERS = _words(
    "trt_max_partition_iterations trt_min_subgraph_size trt_dla_core "
    "trt_builder_optimization_level trt_auxiliary_streams trt_ep_context_embed_mode"
)
_TENSORRT_BOOLEANS = _words(
    "int8_use_native_calibration_table trt_dla_enable trt_engine_cache_enable trt_dump_subgraphs "
    "trt_force_sequential_engine_build trt_context_memory_sharing_enable "
    "trt_layer_norm_fp32_fallback trt_timing_cache_enable trt_force_timing_cache "
    "trt_detailed_build_log trt_build_heuristics_enable trt_sparsity_enable trt_cuda_graph_enable "
    "trt_dump_ep_context_model"
)
_TENSORRT_STRINGS = _words(
    "int8_calibration_table_name trt_engine_cache_path trt_engine_cache_prefix "
    "trt_timing_cache_path trt_tactic_sources trt_extra_plugin_lib_paths trt_profile_min_shapes "
    "trt_profile_max_shapes trt_profile_opt_shapes trt_ep_context_file_path"
)
_CUDA_BOOLEANS = frozenset({"do_copy_in_default_stream", "use_ep_level_unified_stream"})


def parse_integer(text: str) -> int | None:
    """The number at the start of a text, as C's ``strtol`` finds it; None without one.

    The backend reads ``2abc`` and ``2.5`` as 2. None also for what 32 bits cannot hold; see
    :func:`overflow_violations`.
    """
    number = _leading(text)
    return number if number is not None and _fits(number) else None


def _leading(text: str) -> int | None:
    """The whole number at the start of a text, however large."""
    match = _INTEGER.match(text)
    if match is None:
        return None
    digits = match.group(1).lstrip("+-").lstrip("0")
    # Python refuses to read thousands of digits; past 64 bits it only matters that it is too large.
    size = 10**_LONGEST if len(digits) > _LONGEST else int(digits or "0")
    return -size if match.group(1).startswith("-") else size


def _fits(number: int) -> bool:
    """Whether C++'s ``std::stoi`` can hold it."""
    return -(2**31) <= number < 2**31


def _fits_size(number: int) -> bool:
    """Whether C++'s ``std::stoull`` can hold it; a negative number wraps around there."""
    return abs(number) < 2**64


def parse_boolean(text: str) -> bool | None:
    """``true``, ``on``, ``1`` or ``false``, ``off``, ``0`` in any case; else None."""
    return _BOOLEANS.get(text.lower())


def instance_kinds(config: Config) -> set[str]:
    """The kinds of the instance groups; a group without one is ``KIND_AUTO``."""
    return {str(group.get("kind", "KIND_AUTO")) for group in entries(config, "instance_group")}


def accelerators(config: Config, kind: str) -> tuple[Config, ...]:
    """``optimization.execution_accelerators``' members for "cpu" or "gpu"."""
    chosen = (config.get("optimization") or {}).get("execution_accelerators") or {}
    return entries(chosen, f"{kind}_execution_accelerator")


def parameter_violations(config: Config) -> list[Violation]:
    """Parameters whose value the backend cannot read."""
    found = string_parameters(config)
    gpu = "KIND_GPU" in instance_kinds(config)
    violations = [
        _unreadable("parameter-integer", key, "a whole number", found[key])
        for key in (*INTEGERS, *(CUDA_CHOICES if gpu else ()))
        if key in found and _leading(found[key]) is None
    ]
    violations += [
        _unreadable("parameter-boolean", key, "true, on, 1, false, off or 0", found[key])
        for key in BOOLEANS
        if key in found and parse_boolean(found[key]) is None
    ]
    choices = {"execution_mode": 2}
    if gpu:
        choices |= {key: len(words) for key, words in CUDA_CHOICES.items()}
    for key, count in choices.items():
        number = parse_integer(found[key]) if key in found else None
        if number is not None and not 0 <= number < count:
            allowed = " or ".join(str(choice) for choice in range(count))
            violations.append(_unreadable("parameter-choice", key, allowed, found[key]))
    return violations


def overflow_violations(config: Config) -> list[Violation]:
    """Numbers that are too large for the backend, which ends the whole server over them.

    ``ParseIntValue`` and ``ParseUnsignedLongLongValue`` (backend_common.cc) catch
    ``std::invalid_argument`` but not ``std::out_of_range``, and nobody above them does. Those of a
    GPU are reported wherever Triton may put an instance on one.
    """
    gpu = instance_kinds(config) != {"KIND_CPU"}
    found = string_parameters(config)
    violations = [
        _overflow(f"parameter '{key}'", "32 bits", found[key])
        for key in (*INTEGERS, *(CUDA_CHOICES if gpu else ()))
        if key in found and not _fits(_leading(found[key]) or 0)
    ]
    for each in accelerators(config, "gpu") if gpu else ():
        if each.get("name") != "tensorrt":
            continue
        for key, value in (each.get("parameters") or {}).items():
            what = f"parameter '{key}' of the tensorrt accelerator"
            number = _leading(value) or 0
            if key in _TENSORRT_INTEGERS and not _fits(number):
                violations.append(_overflow(what, "32 bits", value))
            elif key in _TENSORRT_SIZES and not _fits_size(number):
                violations.append(_overflow(what, "64 bits", value))
    return violations


def accelerator_violations(config: Config, *, bfloat16: bool) -> list[Violation]:
    """Accelerators that the backend does not know, or not with those parameters.

    Those for the GPU are looked at only where an instance runs on one.
    """
    violations = [
        _unknown_accelerator(str(each.get("name", "")), CPU_ACCELERATORS)
        for each in accelerators(config, "cpu")
        if each.get("name") not in CPU_ACCELERATORS
    ]
    if "KIND_GPU" not in instance_kinds(config):
        return violations
    for each in accelerators(config, "gpu"):
        name, parameters = str(each.get("name", "")), each.get("parameters") or {}
        if name not in GPU_ACCELERATORS:
            violations.append(_unknown_accelerator(name, GPU_ACCELERATORS))
        for key, value in parameters.items():
            if name == "tensorrt":
                violations += _tensorrt_parameter(key, value, bfloat16)
            elif name == "cuda" and key in _CUDA_BOOLEANS and parse_boolean(value) is None:
                violations.append(_bad_accelerator_value(name, key, "a boolean", value))
    return violations


def _tensorrt_parameter(key: str, value: str, bfloat16: bool) -> list[Violation]:
    if key == "precision_mode":
        modes = ("FP32", "FP16", "BF16", "INT8") if bfloat16 else ("FP32", "FP16", "INT8")
        good, expected = value in modes, ", ".join(modes)
    elif key in _TENSORRT_INTEGERS | _TENSORRT_SIZES:
        good, expected = _INTEGER.match(value) is not None, "a whole number"
    elif key in _TENSORRT_BOOLEANS:
        good, expected = parse_boolean(value) is not None, "a boolean"
    else:
        good, expected = key in _TENSORRT_STRINGS, "a parameter that the backend knows"
    return [] if good else [_bad_accelerator_value("tensorrt", key, expected, value)]


def _unreadable(rule: str, key: str, expected: str, found: str) -> Violation:
    return Violation(
        rule,
        "",
        f"parameter '{key}' to be {expected}",
        repr(found),
        f"Give '{key}' such a value, or leave it out.",
    )


def _overflow(what: str, size: str, found: str) -> Violation:
    shown = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"
    return Violation(
        "parameter-overflow",
        "",
        f"{what} to be a number of {size}",
        repr(shown),
        "Write a smaller number: the C++ backend does not refuse this one, it ends the whole "
        "server.",
    )


def _unknown_accelerator(name: str, known: tuple[str, ...]) -> Violation:
    return Violation(
        "unknown-accelerator",
        "",
        f"an execution accelerator out of {', '.join(known)}",
        repr(name),
        "Remove it from optimization.execution_accelerators, or correct its name.",
    )


def _bad_accelerator_value(name: str, key: str, expected: str, value: str) -> Violation:
    return Violation(
        "accelerator-parameter",
        "",
        f"parameter '{key}' of the {name} accelerator to be {expected}",
        repr(value),
        "Correct it, or leave it out.",
    )
