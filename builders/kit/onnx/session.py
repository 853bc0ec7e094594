"""The onnxruntime sessions in which exports are compared with their sources.

A repository that runs in process makes its own, as its configs ask (:mod:`runtime.inprocess`);
so does a stage that holds a model, as it would in a server.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnxruntime
from onnx import ModelProto

from builders.kit.onnx.files import model_file
from repository.onnx.content import OnnxError


def make_session(
    path: Path, *, threads: int = 1, operators: Sequence[Path] = ()
) -> onnxruntime.InferenceSession:
    """A session on the CPU that gives the same numbers at every run, and on every core count.

    Args:
        path: an ONNX file, or a folder with one, as :func:`~builders.kit.onnx.files.save` writes
            for external data.
        threads: threads inside an operator. They split sums differently, so figures that are to
            be the same on every machine are taken with one.
        operators: libraries of custom operators.

    Raises:
        OnnxError: onnxruntime does not load the model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what it refuses is told by the error
    # Waiting threads otherwise spin, and take the core from the other work of a build.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    _register(options, operators)
    return _session(model_file(path) if path.is_dir() else path, options, path)


def load_unoptimised(path: Path, operators: Sequence[Path] = ()) -> None:
    """See that onnxruntime takes a file, as quickly as can be known.

    Args:
        path: an ONNX file.
        operators: libraries of custom operators.

    Raises:
        OnnxError: it does not; the message says why.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it refuses is told by the error
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    _register(options, operators)
    _session(path, options, path)


def make_trial_session(model: ModelProto, checkpoint: Path) -> onnxruntime.InferenceSession:
    """A session of a model in memory, for a few runs of a checkpoint from a stranger.

    Args:
        model: with its weights inside.
        checkpoint: named in the error.

    Raises:
        OnnxError: onnxruntime does not load the model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what it refuses is told by the error
    # What optimising takes is not won again in a few runs.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _session(model.SerializeToString(), options, checkpoint)


def _register(options: onnxruntime.SessionOptions, operators: Sequence[Path]) -> None:
    for library in operators:
        try:
            options.register_custom_ops_library(str(library))
        except Exception as error:  # its exceptions have no common base but this
            raise OnnxError(
                f"{library}: expected a library of operators that onnxruntime "
                f"{onnxruntime.__version__} loads, found: {reason(error)}. Build it for that."
            ) from error


def _session(
    model: Path | bytes, options: onnxruntime.SessionOptions, path: Path
) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base but this
        raise OnnxError(
            f"{path}: expected a model that onnxruntime {onnxruntime.__version__} loads, found: "
            f"{reason(error)}. Check the source."
        ) from error


def reason(error: Exception) -> str:
    """The first line of what onnxruntime says, without its full stop."""
    return (str(error).strip().splitlines() or ["nothing"])[0].rstrip(".")
