"""Warnings: what loads, and then hurts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path

from repository.arrays import DType
from repository.check.rules import finding, listed
from repository.config.facts import instances, is_bounded, is_ensemble, is_python, tensors_of
from repository.config.proto import pb
from repository.findings import Finding
from repository.release import Release

SHARED_MEMORY = Path("/dev/shm")

STUB_REGION = 2**20
"""Bytes of shared memory that each stub of the Python backend begins with."""

_STRING_SIZE = 4
"""Bytes that a string takes at least: its length."""

AGENTS = {"checksum"}
"""The repository agents of NVIDIA's images; a server may have others, the local one has none."""


def check_service(config: pb.ModelConfig, release: Release) -> Iterator[Finding]:
    """Warnings about one model."""
    for agent in config.model_repository_agents.agents:
        if agent.name not in AGENTS:
            yield finding(
                "repository-agent",
                config.name,
                f"an agent of NVIDIA's images ({listed(AGENTS)})",
                f"'{agent.name}'",
                "Correct its name, or add it to the server, which otherwise refuses the model.",
            )
    if is_ensemble(config):
        return
    optional = [tensor.name for tensor in config.input if tensor.optional]
    if config.HasField("dynamic_batching") and config.max_batch_size > 1 and optional:
        for name in optional:
            yield finding(
                "optional-batching",
                config.name,
                "only required inputs on a dynamically batched model",
                "optional: true",
                "Make it required: requests with and without it are never batched together.",
                tensor=name,
            )
    if release.batcher_stalls and is_bounded(config) and instances(config, passive=False) == 1:
        yield finding(
            "queue-stall",
            config.name,
            "two or more instances behind a bounded queue, or no bound",
            "one instance",
            f"Raise the instance count, or drop the bound: on Triton {release.name} some requests "
            "in a hundred then wait half a second.",
        )


def check_complete(config: pb.ModelConfig) -> Iterator[Finding]:
    """A warning about inputs and outputs that a config leaves out."""
    missing = [role for role in ("input", "output") if not getattr(config, role)]
    if missing and not is_ensemble(config):
        yield finding(
            "auto-complete",
            config.name,
            "all inputs and outputs",
            f"no {' and no '.join(missing)}",
            "Write them all: what Triton guesses need not be what you meant.",
        )


def check_shared_memory(
    configs: Iterable[pb.ModelConfig], size: int | None = None
) -> Iterator[Finding]:
    """Warnings about stubs that need more shared memory than there is.

    Each instance of the Python backend, and of a backend written in Python, has a region of its
    own that grows to the largest tensors and stays. Dynamic axes count as 1, so this is the least
    that it can take.

    Args:
        configs: all models of the repository.
        size: bytes of shared memory; None asks this machine.
    """
    if size is None:
        try:
            statistics = os.statvfs(SHARED_MEMORY)
        except OSError:
            return
        size = statistics.f_frsize * statistics.f_blocks
    needs = {
        config.name: instances(config) * (STUB_REGION + _tensor_bytes(config))
        for config in configs
        if is_python(config)
    }
    total = sum(needs.values())
    if total > size:
        largest = max(needs, key=lambda name: needs[name])
        yield finding(
            "shared-memory",
            largest,
            f"at most {_mebibytes(size)} of shared memory for all models, as {SHARED_MEMORY} has",
            f"at least {_mebibytes(total)}, of which {_mebibytes(needs[largest])} for this one",
            "Enlarge it (docker run --shm-size, or an emptyDir of medium Memory), lower instance "
            "counts, or pass smaller tensors.",
        )


def _tensor_bytes(config: pb.ModelConfig) -> int:
    rows = max(1, config.max_batch_size)
    return sum(
        rows * prod(max(1, dim) for dim in tensor.dims) * element_bytes(tensor.data_type)
        for tensor in tensors_of(config)
    )


def element_bytes(data_type: pb.DataType.ValueType) -> int:
    """Bytes of an element: of a string the least, its length field; 0 if there is no type."""
    try:
        dtype = DType.from_config(pb.DataType.Name(data_type))
        return _STRING_SIZE if dtype is DType.BYTES else dtype.numpy.itemsize
    except ValueError:
        return 0
    except TypeError:
        return 2


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
