"""Rules on the paths in a config: each leads to a file of the model's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from repository.check.rules import finding
from repository.config.facts import is_python, runs_python
from repository.config.proto import pb
from repository.findings import Finding


def check_paths(config: pb.ModelConfig) -> Iterator[Finding]:
    """Findings about paths that lead out of their folder, are absolute, or name no runtime.

    A library of operators may be named by an absolute path, since ONNX Runtime looks for a relative
    one where the server was started.
    """
    for field, path in _paths(config):
        if _leads_out(path):
            yield finding(
                "runtime-path" if field == "runtime" else "outside-path",
                config.name,
                f"a path inside its folder in {field}",
                f"'{path}'",
                "Put the file there, and name it without '..' and without a '/' in front.",
            )
    if is_python(config) and runs_python(config):
        yield finding(
            "runtime-path",
            config.name,
            "no runtime, or 'libtriton_python.so', for the backend python",
            "'model.py'",
            "Remove runtime: 'model.py' is that of a backend written in Python, as vllm.",
        )
    for path in config.model_operations.op_library_filename:
        if ".." in PurePosixPath(path).parts:
            yield finding(
                "outside-path",
                config.name,
                "no '..' in model_operations.op_library_filename",
                f"'{path}'",
                "Name the library by its absolute path.",
            )


def _paths(config: pb.ModelConfig) -> Iterator[tuple[str, str]]:
    """Each field that holds a path, and the path."""
    yield "runtime", config.runtime
    yield "default_model_filename", config.default_model_filename
    for key in sorted(config.cc_model_filenames):
        yield f"cc_model_filenames['{key}']", config.cc_model_filenames[key]
    for output in config.output:
        yield f"label_filename of '{output.name}'", output.label_filename
    for request in config.model_warmup:
        for name in sorted(request.inputs):
            field = f"input_data_file of '{name}' in warm-up '{request.name}'"
            yield field, request.inputs[name].input_data_file
    for state in config.sequence_batching.state:
        for initial in state.initial_state:
            yield f"data_file of initial_state '{initial.name}'", initial.data_file


def _leads_out(path: str) -> bool:
    parts = PurePosixPath(path)
    return parts.is_absolute() or ".." in parts.parts
