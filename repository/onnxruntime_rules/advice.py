"""What the C++ onnxruntime backend loads, and then serves in a way that its author did not mean."""

from __future__ import annotations

from .facts import (
    Config,
    OnnxGraph,
    Violation,
    entries,
    listed,
    string_parameters,
)
from .joined import joined_warnings
from .options import (
    BOOLEANS,
    CUDA_CHOICES,
    CUDA_STRINGS,
    INTEGERS,
    STRINGS,
    accelerators,
    instance_kinds,
    parse_integer,
)

MOST_THREADS = 1024
"""The most threads of one instance. If ONNX Runtime cannot start all of them, it hangs."""


def warnings(config: Config, graph: OnnxGraph) -> list[Violation]:
    """What loads and then misbehaves, or is not what it seems.

    Not seen here: values at run time, such as strings with an embedded NUL, which are cut there.
    """
    return [
        *joined_warnings(config, graph),
        *optional_warnings(config, graph),
        *default_warnings(config),
        *parameter_warnings(config),
        *thread_warnings(config),
    ]


def optional_warnings(config: Config, graph: OnnxGraph) -> list[Violation]:
    """Optional inputs that every run needs: a request without one fails."""
    needed = {tensor.name for tensor in graph.inputs}
    return [
        Violation(
            "optional-without-initializer",
            str(entry.get("name", "")),
            "an initializer for an optional input",
            "none",
            "Make the input required: a request that leaves it out fails.",
        )
        for entry in entries(config, "input")
        if entry.get("optional") and entry.get("name") in needed
    ]


def default_warnings(config: Config) -> list[Violation]:
    """Fields that are left out and filled in by Triton."""
    found = []
    absent = [key for key in ("input", "output") if not entries(config, key)]
    if absent:
        found.append(
            Violation(
                "auto-complete",
                "",
                "all inputs and outputs in the config",
                f"no {' and no '.join(absent)}",
                "Write them all: auto-complete otherwise may also set max_batch_size to 4.",
            )
        )
    counts = [int(group.get("count") or 0) for group in entries(config, "instance_group")]
    if not counts or 0 in counts:
        found.append(
            Violation(
                "instance-count",
                "",
                "an instance_group with its count",
                "none",
                "Write count: the default on a CPU is 2 instances.",
            )
        )
    if accelerators(config, "gpu") and "KIND_GPU" not in instance_kinds(config):
        found.append(
            Violation(
                "gpu-accelerator",
                "",
                "an instance group of KIND_GPU for a GPU accelerator",
                ", ".join(sorted(instance_kinds(config))) or "none",
                "Write KIND_GPU, or remove the accelerator: without a GPU it is ignored.",
            )
        )
    return found


def parameter_warnings(config: Config) -> list[Violation]:
    """Parameters that the backend ignores, as it does not know them."""
    known = {*INTEGERS, *BOOLEANS, *STRINGS, *CUDA_CHOICES, *CUDA_STRINGS}
    return [
        Violation(
            "unknown-parameter",
            "",
            f"parameters that the backend knows ({listed(known)})",
            repr(key),
            "Correct its name, or remove it: the backend ignores it.",
        )
        for key in sorted(set(string_parameters(config)) - known)
        if not key.startswith("TRITON_")  # the server's own
    ]


def thread_warnings(config: Config) -> list[Violation]:
    """More threads than a machine can be counted on to start."""
    found = string_parameters(config)
    return [
        Violation(
            "thread-count",
            "",
            f"at most {MOST_THREADS} threads in '{key}'",
            repr(found[key]),
            "Write no more than the machine has cores: ONNX Runtime starts them all for each "
            "instance, and loading never ends where it cannot.",
        )
        for key in ("intra_op_thread_count", "inter_op_thread_count")
        if (parse_integer(found.get(key, "")) or 0) > MOST_THREADS
    ]
