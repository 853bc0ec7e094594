"""The execution providers that a model config asks for."""

from __future__ import annotations

import onnxruntime
from repository.onnxruntime_rules.facts import Config, string_parameters
from repository.onnxruntime_rules.options import (
    CUDA_CHOICES,
    CUDA_STRINGS,
    accelerators,
    parse_integer,
)

Provider = str | tuple[str, dict[str, str]]

_NAMES = {
    "openvino": "OpenVINOExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
}
_CPU = "CPUExecutionProvider"
_TENSORRT_NAMES = {
    "max_workspace_size_bytes": "trt_max_workspace_size",
    "int8_calibration_table_name": "trt_int8_calibration_table_name",
    "int8_use_native_calibration_table": "trt_int8_use_native_calibration_table",
}
"""TensorRT parameters of the backend that ONNX Runtime calls otherwise."""


class ProviderMissing(Exception):
    """This machine's ONNX Runtime lacks a provider that the config asks for."""


def providers(config: Config, kind: str, device: int) -> list[Provider]:
    """The providers in the order in which ONNX Runtime should try them.

    Args:
        config: the model config.
        kind: the instance's kind: "CPU" or "GPU".
        device: the GPU's number.

    Raises:
        ProviderMissing: the installed onnxruntime package has no such provider.
    """
    chosen: list[Provider] = []
    if kind == "GPU":
        for entry in accelerators(config, "gpu"):
            if entry.get("name") == "tensorrt":
                options = _tensorrt_options(entry.get("parameters") or {})
                chosen.append((_NAMES["tensorrt"], options | {"device_id": str(device)}))
        chosen.append((_NAMES["cuda"], _cuda_options(config) | {"device_id": str(device)}))
    chosen += [
        (_NAMES["openvino"], {"device_type": "CPU"})
        for entry in accelerators(config, "cpu")
        if entry.get("name") == "openvino"
    ]
    available = onnxruntime.get_available_providers()
    missing = [name for name in names(chosen) if name not in available]
    if missing:
        raise ProviderMissing(
            f"expected an onnxruntime package with {', '.join(missing)}, as the instance's kind "
            f"and accelerators ask for, found only {', '.join(available)}. Install one that has "
            "it (onnxruntime-gpu for CUDA and TensorRT), or write KIND_CPU without accelerators."
        )
    return [*chosen, _CPU]


def names(chosen: list[Provider]) -> list[str]:
    """The providers' names, without their options."""
    return [provider if isinstance(provider, str) else provider[0] for provider in chosen]


def _cuda_options(config: Config) -> dict[str, str]:
    """CUDA's options: the model's deprecated parameters first, then the accelerator's."""
    parameters = string_parameters(config)
    options = {key: parameters[key] for key in CUDA_STRINGS if key in parameters}
    for key, words in CUDA_CHOICES.items():
        choice = parse_integer(parameters[key]) if key in parameters else None
        if choice is not None:
            options[key] = words[choice]
    for entry in accelerators(config, "gpu"):
        if entry.get("name") == "cuda":
            options |= entry.get("parameters") or {}
    return options


def _tensorrt_options(parameters: dict[str, str]) -> dict[str, str]:
    options = {}
    for key, value in parameters.items():
        if key != "precision_mode":
            options[_TENSORRT_NAMES.get(key, key)] = value
        elif value != "FP32":
            options[f"trt_{value.lower()}_enable"] = "1"
    return options
