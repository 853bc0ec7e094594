"""The onnxruntime sessions that exports are compared with, and with their sources.

A repository that runs in process makes its own, as its configs ask (:mod:`builders.kit.inprocess`);
so does a stage that holds a model, as it would in a server.
"""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from builders.kit.onnx_content import OnnxError
from builders.kit.onnx_files import model_file


def make_session(path: Path, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session on the CPU that gives the same numbers at every run, and on every core count.

    Args:
        path: an ONNX file, or a folder with one, as :func:`~builders.kit.onnx_files.save` writes
            for external data.
        threads: threads inside an operator. They split sums differently, so figures that are to
            be the same on every machine are taken with one.

    Raises:
        OnnxError: onnxruntime does not load the model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    # Waiting threads otherwise spin, and take the core from the other work of a build.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    file = model_file(path) if path.is_dir() else path
    try:
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base but this
        reason = str(error).strip().splitlines()[0]
        raise OnnxError(
            f"{path}: expected a model that onnxruntime {onnxruntime.__version__} loads, found: "
            f"{reason}"
        ) from error
