"""What can be set of one model: read from its config, laid over it, written for a profile.

:func:`apply` gives the config that a build gives from :func:`options` in a profile, so what is
measured is what is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from repository.config.facts import count_on_each, is_bounded, is_onnx
from repository.config.proto import pb

THREADS = "intra_op_thread_count"
"""The onnxruntime backend's parameter; 0 or none is a thread for each core."""


@dataclass(frozen=True)
class Settings:
    """How a model is served; None is what cannot be set of this model.

    Attributes:
        instances: how many copies, in its one instance group.
        threads: of each instance, for the onnxruntime backend; 0 is one for each core.
        max_batch_size: the most rows of a batch, for a model that batches.
        batching: whether requests are joined, likewise.
        preferred_sizes: batch sizes that are sent at once; empty unless requests are joined.
        delay_microseconds: how long to wait for more requests to join, likewise.
    """

    instances: int | None = None
    threads: int | None = None
    max_batch_size: int | None = None
    batching: bool | None = None
    preferred_sizes: tuple[int, ...] = ()
    delay_microseconds: int = 0

    def __str__(self) -> str:
        return ", ".join(self._parts()) or "nothing that can be set"

    def beside(self, other: Settings) -> str:
        """What is other than there; all of it if nothing is."""
        known = other._parts()
        return ", ".join(part for part in self._parts() if part not in known) or str(self)

    def _parts(self) -> list[str]:
        parts = []
        if self.instances is not None:
            parts.append(_counted(self.instances, "instance"))
        if self.threads is not None:
            parts.append(_counted(self.threads, "thread") if self.threads else "threads by core")
        if self.max_batch_size is not None:
            parts.append(f"batches of {self.max_batch_size}")
        if self.batching is not None:
            parts.append("joined" if self.batching else "not joined")
        if self.batching:
            sizes = "/".join(map(str, self.preferred_sizes))
            parts.append(f"preferred {sizes}" if sizes else "none preferred")
            parts.append(f"delay {self.delay_microseconds} us")
        return parts


def read(config: pb.ModelConfig) -> Settings:
    """The settings of a config.

    Settings that a profile cannot express, such as several instance groups, count as fixed.
    """
    return Settings(instances=_instances(config), threads=_threads(config), **_batching(config))


def apply(config: pb.ModelConfig, settings: Settings) -> pb.ModelConfig:
    """A copy of the config with the settings; those that are None stay as they are."""
    made = pb.ModelConfig()
    made.CopyFrom(config)
    if settings.instances is not None:
        made.instance_group[0].count = settings.instances
    if settings.threads is not None and settings.threads != _threads(config):
        made.parameters[THREADS].string_value = str(settings.threads)
    if settings.max_batch_size is not None:
        made.max_batch_size = settings.max_batch_size
    if settings.batching:
        made.dynamic_batching.preferred_batch_size[:] = settings.preferred_sizes
        made.dynamic_batching.max_queue_delay_microseconds = settings.delay_microseconds
    elif settings.batching is not None and _batching(config)["batching"]:
        # The queue's bound is part of dynamic_batching; batches of one leave requests unjoined.
        policy = made.dynamic_batching.default_queue_policy
        made.ClearField("dynamic_batching")
        if policy != pb.ModelQueuePolicy():
            made.dynamic_batching.default_queue_policy.CopyFrom(policy)
            made.dynamic_batching.preferred_batch_size.append(1)
    return made


def options(config: pb.ModelConfig, settings: Settings) -> dict[str, Any]:
    """What a profile's ``models`` entry has to say for the settings to come out of a build.

    Args:
        config: the model's present config.
        settings: those wanted.

    Returns:
        Keys and values of a :class:`~builders.kit.recipe.profile.ModelOptions`; only what differs.
    """
    present = read(config)
    found: dict[str, Any] = {}
    if settings.instances != present.instances:
        group = config.instance_group[0]
        kind = pb.ModelInstanceGroup.Kind.Name(group.kind)
        found["instances"] = (
            settings.instances
            if kind == "KIND_CPU"
            else {"count": settings.instances, "kind": kind, "gpus": list(group.gpus)}
        )
    if settings.threads != present.threads:
        found["parameters"] = {THREADS: settings.threads}
    if settings.max_batch_size != present.max_batch_size:
        found["max_batch_size"] = settings.max_batch_size
    before = (present.batching, present.preferred_sizes, present.delay_microseconds)
    if before != (settings.batching, settings.preferred_sizes, settings.delay_microseconds):
        found["batching"] = settings.batching and {
            "preferred_sizes": list(settings.preferred_sizes),
            "max_queue_delay_microseconds": settings.delay_microseconds,
        }
    return found


def _instances(config: pb.ModelConfig) -> int | None:
    if len(config.instance_group) != 1:
        return None
    group = config.instance_group[0]
    settable = group.kind in (pb.ModelInstanceGroup.KIND_CPU, pb.ModelInstanceGroup.KIND_GPU)
    return count_on_each(config, group) if settable and not group.passive else None


def _threads(config: pb.ModelConfig) -> int | None:
    if not is_onnx(config):
        return None
    if any(group.kind == pb.ModelInstanceGroup.KIND_GPU for group in config.instance_group):
        return None
    text = config.parameters[THREADS].string_value if THREADS in config.parameters else "0"
    return int(text) if text.strip().isdigit() else None


def _batching(config: pb.ModelConfig) -> dict[str, Any]:
    if config.max_batch_size < 1:
        return {}
    batching = config.dynamic_batching
    sizes = tuple(batching.preferred_batch_size)
    # A bounded queue alone is written as dynamic batching of one.
    joined = config.HasField("dynamic_batching") and not (sizes == (1,) and is_bounded(config))
    if not joined:
        return {"max_batch_size": config.max_batch_size, "batching": False}
    return {
        "max_batch_size": config.max_batch_size,
        "batching": True,
        "preferred_sizes": sizes,
        "delay_microseconds": batching.max_queue_delay_microseconds,
    }


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")
