"""The processes that run Python models: which there are, and whose.

Triton's Python backend starts one stub an instance, and so do the backends that are written in
Python, our onnxruntime stand-in among them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime import processes

_EXECUTABLE = "triton_python_backend_stub"
_INSTANCE = 8
"""The place of the instance's name among the stub's arguments (stub_launcher.cc, 24.10)."""


@dataclass(frozen=True)
class Stub:
    """One stub process.

    Attributes:
        pid: its process id.
        instance: the name of the model instance that it runs, as ``detect_0_0``.
    """

    pid: int
    instance: str


def running(server_pid: int) -> list[Stub]:
    """The stubs of a server that have not ended."""
    found = []
    for pid in processes.children(server_pid):
        arguments = processes.arguments(pid)
        if arguments and arguments[0].endswith(f"/{_EXECUTABLE}") and len(arguments) > _INSTANCE:
            found.append(Stub(pid, arguments[_INSTANCE]))
    return found


def instance_groups(config: Mapping[str, Any]) -> list[str]:
    """The names of a loaded model's instance groups; Triton has named those without a name."""
    return [str(group["name"]) for group in config.get("instance_group", [])]


def owner(instance: str, groups: Mapping[str, Sequence[str]]) -> str | None:
    """The model that an instance belongs to.

    Triton names an instance by its group's name, its number, and its GPU if it has one.

    Args:
        instance: the instance's name.
        groups: each model's instance groups.

    Returns:
        the model; None if no group fits, or if groups of two models have one name.
    """
    owners = {
        model
        for model, names in groups.items()
        for name in names
        if re.fullmatch(rf"{re.escape(name)}_\d+(_gpu\d+)?", instance)
    }
    return owners.pop() if len(owners) == 1 else None
