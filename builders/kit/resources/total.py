"""Memory, /dev/shm and GPUs that a Triton needs for a repository, as a kustomize patch.

What is added up:

- the server by itself, and in it the tensors of as many largest requests as are under way at once;
- each instance: a Python stub, and what its model took when it was measured: weights, library,
  activations. An onnxruntime instance counts as the stand-in's stub; in Triton's C++ backend it is
  a session in the server, which takes less;
- /dev/shm, which counts against the container's memory limit: a region for each instance, which
  starts at 1 MiB, grows to the largest inputs and outputs and stays
  (triton-inference-server/python_backend, README, "Shared memory").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.kit.resources.measure import Load
from repository.config.facts import called, instances
from repository.config.text import read_config
from repository.manifest import Manifest

MIB = 1 << 20
STUB = 40 * MIB
"""A Python stub with numpy and no model: 37 to 40 MB were measured on Triton 24.10."""

SERVER = {"cpu": 256 * MIB, "gpu": 1536 * MIB}
"""The server by itself: 120 MiB were measured on a CPU; on a GPU, CUDA's libraries and context."""

REGION = MIB
"""A region's first size and its growth: shm-default-byte-size and shm-growth-byte-size."""

ROOM = 1.25
"""Allocators and regions fragment."""

STORAGE = 256 * MIB
"""Logs and temporary files."""


@dataclass(frozen=True)
class Need:
    """One number, and in words what it is made of.

    Attributes:
        bytes: the number.
        words: one line.
    """

    bytes: int
    words: str


@dataclass(frozen=True)
class Resources:
    """What the container asks for.

    Attributes:
        memory: its limit and request; the sum of ``parts``, with room.
        shared_memory: the size limit of /dev/shm; part of the memory.
        storage: ephemeral storage: the repository as it is downloaded, logs and temporary files.
        gpus: how many; 0 if none.
        parts: what the memory is made of.
        regions: what /dev/shm is made of.
    """

    memory: int
    shared_memory: int
    storage: int
    gpus: int
    parts: tuple[Need, ...]
    regions: tuple[Need, ...]


def resources(repository: Path, manifest: Manifest, load: Load, *, concurrency: int) -> Resources:
    """Add up what a repository needs.

    Args:
        repository: the built repository.
        manifest: its manifest.
        load: what its models took.
        concurrency: how many largest requests are under way at once.
    """
    configs = {
        name: read_config(repository / name / "config.pbtxt") for name in sorted(manifest.models)
    }
    device = manifest.target.get("device", "cpu")
    gpus = 0 if device == "cpu" else _gpus(configs)
    in_flight = concurrency * load.tensors
    parts = [
        Need(SERVER["cpu" if device == "cpu" else "gpu"], f"the server, on a {device}"),
        Need(in_flight, f"{concurrency} requests under way, {_mib(load.tensors)} of tensors each"),
    ]
    regions = []
    for name, config in configs.items():
        facts = manifest.models[name]
        if facts["kind"] == "ensemble":
            continue
        count, kind = instances(config, gpus=gpus), facts["kind"]
        if name in load.models:
            measured = load.models[name]
            # Requests join up to the batch that the config allows.
            joined = max(1, -(-config.max_batch_size // max(1, measured.rows)))
            each, tensors = STUB + joined * measured.memory, joined * measured.tensors
            if called(config):
                # What it calls with, and the answers, go through its region too.
                tensors = max(tensors, load.tensors)
            how = f"a stub of {_mib(STUB)} and {_mib(joined * measured.memory)} measured"
        elif kind in ("bls", "python"):
            # A BLS model holds its pipeline's tensors; of others, that did not run, no more is
            # known.
            each, tensors = STUB + load.tensors, load.tensors
            how = f"a stub of {_mib(STUB)} and a request's tensors"
        else:
            each, tensors = 2 * facts["bytes"], 0
            how = "twice its file, not measured"
        parts.append(Need(count * each, f"{name}: {count} x ({how})"))
        if tensors:
            region = REGION + -(-tensors // REGION) * REGION
            regions.append(Need(count * region, f"{name}: {count} x {_mib(region)}"))
    shared = _up(ROOM * sum(need.bytes for need in regions), 16 * MIB)
    parts.append(Need(shared, "/dev/shm, full"))
    built = sum(file.bytes for file in manifest.files.values())
    return Resources(
        memory=_up(ROOM * sum(need.bytes for need in parts[:-1]) + shared, 64 * MIB),
        shared_memory=shared,
        storage=_up(built + STORAGE, 64 * MIB),
        gpus=gpus,
        parts=tuple(parts),
        regions=tuple(regions),
    )


def _gpus(configs: Mapping[str, Any]) -> int:
    """As many as the configs name, and at least one."""
    named = [
        gpu for config in configs.values() for group in config.instance_group for gpu in group.gpus
    ]
    return max(named, default=0) + 1


def _up(value: float, step: int) -> int:
    return int(-(-value // step)) * step


def _mib(value: int) -> str:
    return f"{value / MIB:,.0f} MiB"
