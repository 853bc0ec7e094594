"""An ONNX Runtime session made from a model config, as the C++ backend makes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

import onnxruntime
from repository.onnxruntime_rules.completion import completion
from repository.onnxruntime_rules.facts import (
    Config,
    OnnxGraph,
    OnnxTensor,
    Violation,
    dims_of,
    entries,
    max_batch_size,
    string_parameters,
)
from repository.onnxruntime_rules.options import (
    accelerator_violations,
    overflow_violations,
    parameter_violations,
    parse_boolean,
    parse_integer,
)
from repository.onnxruntime_rules.rules import violations, warnings
from repository.onnxruntime_rules.sequence import states

from .batch import Array, Arrays
from .failures import RequestError, run_failure
from .providers import ProviderMissing, names, providers
from .trial import with_rows

_LEVELS = {
    -1: onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    1: onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    2: onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
"""``optimization.graph.level`` -> what it means; any other level is all optimizations."""

_ALLOCATOR = "session.use_device_allocator_for_initializers"
_SHRINKAGE = "memory.enable_memory_arena_shrinkage"

_FATAL = 4
"""A failed run is logged once, with its model's name, by the caller; not by ONNX Runtime too."""


class ModelRefused(Exception):
    """The model does not load; the text says all that is wrong with it."""


class Session:
    """A loaded model.

    Args:
        config: the model config, as Triton gives it.
        version_folder: the folder that holds the ONNX file.
        kind: the instance's kind: "CPU" or "GPU".
        device: the GPU's number.

    Attributes:
        batching: whether the first axis of all tensors is the batch.
        warnings: settings with which the model loads, and may then serve in a way that nobody
            meant.

    Raises:
        ModelRefused: the C++ backend would refuse it, or this backend cannot serve it.
    """

    def __init__(self, config: Config, version_folder: Path, kind: str, device: int) -> None:
        path = model_file(version_folder, str(config.get("default_model_filename") or ""))
        self.batching = max_batch_size(config) > 0
        self._session = _open(path, config, kind, device)
        graph = with_rows(self._session, config, graph_of(self._session))
        _refuse([*violations(config, graph), *unsupported(config, graph)])
        self.warnings = warnings(config, graph)
        self._run_options = run_options(config)
        self._needed = {tensor.name for tensor in graph.inputs}
        inputs = (*graph.inputs, *graph.initializers)
        self._strings = {tensor.name for tensor in inputs if tensor.element == "string"}
        self._scalars = {tensor.name for tensor in inputs if not tensor.axes}
        self._scalar_dims = {
            tensor.name: dims_of(entry)
            for tensor in graph.outputs
            for entry in entries(config, "output")
            if entry.get("name") == tensor.name and not tensor.axes
        }

    def run(self, inputs: Arrays, wanted: Sequence[str]) -> dict[str, Array]:
        """Runs the model once. Numeric arrays are read in place, and results are not copied.

        Args:
            inputs: arrays by name, the batch axis included; BYTES as objects of type bytes.
            wanted: the outputs to return.

        Raises:
            RequestError: an input is missing, or the model cannot run on these.
        """
        missing = sorted(self._needed - inputs.keys())
        if missing:
            raise RequestError(f"input '{missing[0]}' is missing: the model cannot run without it")
        feeds = {name: self._feed(name, array) for name, array in inputs.items()}
        try:
            arrays = self._session.run(list(wanted), feeds, self._run_options)
        except Exception as error:
            raise run_failure(error, inputs) from error
        outputs = dict(zip(wanted, arrays, strict=True))
        for name, dims in self._scalar_dims.items():
            if name in outputs and not outputs[name].shape:
                outputs[name] = outputs[name].reshape(dims)
        return outputs

    def _feed(self, name: str, array: Array) -> Array:
        if name in self._strings:
            array = _decoded(name, array)
        if name in self._scalars and array.size == 1:
            array = array.reshape(())
        return array


def complete(config: dict[str, Any], version_folder: Path) -> None:
    """Fills in what a config leaves out, as the C++ backend does.

    Args:
        config: the model config, as Triton gives it; it is changed.
        version_folder: the folder that holds the ONNX file.

    Raises:
        ModelRefused: there is no model, or it cannot be completed.
    """
    if entries(config, "input") and entries(config, "output"):
        return
    path = model_file(version_folder, str(config.get("default_model_filename") or ""))
    try:
        loaded = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        text = str(error).replace(str(path), path.name)
        raise ModelRefused(f"ONNX Runtime cannot load the model: {text}") from None
    made = completion(config, graph_of(loaded))
    if made is not None:
        if made.refusal is not None:
            raise ModelRefused(str(made.refusal))
        config["max_batch_size"] = made.max_batch_size
        config.update(made.filled)
        if made.dynamic_batching:
            config["dynamic_batching"] = {}


def model_file(version_folder: Path, file_name: str) -> Path:
    """The ONNX file: ``model.onnx`` or the name in the config; if that is a folder, the file in it.

    Raises:
        ModelRefused: there is none.
    """
    path = version_folder / (file_name or "model.onnx")
    if path.is_dir():
        path = path / "model.onnx"
    if not path.is_file():
        raise ModelRefused(
            f"expected the ONNX file {path.relative_to(version_folder.parent)} in the model's "
            "folder, found none. Put it there, or correct default_model_filename."
        )
    return path


def graph_of(session: onnxruntime.InferenceSession) -> OnnxGraph:
    """The inputs and outputs that a session has."""

    def tensors(arguments: Sequence[onnxruntime.NodeArg]) -> tuple[OnnxTensor, ...]:
        return tuple(OnnxTensor.of(each.name, each.type, each.shape) for each in arguments)

    return OnnxGraph(
        tensors(session.get_inputs()),
        tensors(session.get_outputs()),
        tensors(session.get_overridable_initializers()),
    )


def session_options(config: Config) -> onnxruntime.SessionOptions:
    """``optimization.graph.level``, the parameters and custom operators of a valid config."""
    options = onnxruntime.SessionOptions()
    level = ((config.get("optimization") or {}).get("graph") or {}).get("level") or 0
    options.graph_optimization_level = _LEVELS.get(
        int(level), onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    )
    parameters = string_parameters(config)
    numbers = {key: parse_integer(text) or 0 for key, text in parameters.items()}
    if numbers.get("execution_mode"):
        options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    options.intra_op_num_threads = max(numbers.get("intra_op_thread_count", 0), 0)
    options.inter_op_num_threads = max(numbers.get("inter_op_thread_count", 0), 0)
    if "enable_mem_arena" in parameters:
        options.enable_cpu_mem_arena = bool(parse_boolean(parameters["enable_mem_arena"]))
    if "enable_mem_pattern" in parameters:
        options.enable_mem_pattern = bool(parse_boolean(parameters["enable_mem_pattern"]))
    if _ALLOCATOR in parameters:
        options.add_session_config_entry(_ALLOCATOR, parameters[_ALLOCATOR])
    operations = config.get("model_operations") or {}
    for library in operations.get("op_library_filename") or ():
        options.register_custom_ops_library(library)
    return options


def run_options(config: Config) -> onnxruntime.RunOptions:
    """The parameters that hold for each run."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = _FATAL
    parameters = string_parameters(config)
    if _SHRINKAGE in parameters:
        options.add_run_config_entry(_SHRINKAGE, parameters[_SHRINKAGE])
    return options


def unsupported(config: Config, graph: OnnxGraph) -> list[Violation]:
    """What the C++ backend serves and this one does not."""
    asked = {
        "allow_ragged_batch": any(
            entry.get("allow_ragged_batch") for entry in entries(config, "input")
        ),
        "batch_input": entries(config, "batch_input"),
        "batch_output": entries(config, "batch_output"),
        "sequence_batching.state": states(config),
        "decoupled": (config.get("model_transaction_policy") or {}).get("decoupled"),
        "auto-complete of inputs": bool(graph.inputs) and not entries(config, "input"),
        "auto-complete of outputs": not entries(config, "output"),
    }
    return [
        Violation(
            "stand-in",
            "",
            f"no {feature}, which only the C++ backend has",
            "it in use",
            "Write the config without it, or serve it on Triton's own onnxruntime backend.",
        )
        for feature, used in asked.items()
        if used
    ]


def _open(path: Path, config: Config, kind: str, device: int) -> onnxruntime.InferenceSession:
    """A session.

    If the config's settings are bad, it has default ones, and the rules refuse them together with
    all else that is wrong.
    """
    bad = [
        *parameter_violations(config),
        *overflow_violations(config),
        *accelerator_violations(config, bfloat16=False),
    ]
    try:
        if bad:
            return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        chosen = providers(config, kind, device)
        session = onnxruntime.InferenceSession(str(path), session_options(config), providers=chosen)
    except ProviderMissing as error:
        raise ModelRefused(str(error)) from None
    except Exception as error:
        text = str(error).replace(str(path), path.name)
        raise ModelRefused(f"ONNX Runtime cannot load the model: {text}") from None
    # ONNX Runtime falls back to the CPU if a provider is installed and does not start.
    lost = [name for name in names(chosen) if name not in session.get_providers()]
    if lost:
        raise ModelRefused(
            f"expected {', '.join(lost)} to start, found it cannot. See ONNX Runtime's message "
            "above in the log: mostly a CUDA or cuDNN library is missing or of another version."
        )
    return session


def _refuse(found: Sequence[Violation]) -> None:
    if found:
        raise ModelRefused("\n".join(str(violation) for violation in found))


def _decoded(name: str, array: Array) -> Array:
    """Strings as ONNX Runtime's Python interface takes them: text, not bytes.

    Like the C++ backend's they end at their first NUL. Unlike there they have to be UTF-8.
    """
    elements = cast("list[bytes]", array.ravel().tolist())
    try:
        texts = [element.partition(b"\0")[0].decode() for element in elements]
    except UnicodeDecodeError:
        raise RequestError(f"input '{name}' is not valid UTF-8") from None
    return np.array(texts, np.object_).reshape(array.shape)
