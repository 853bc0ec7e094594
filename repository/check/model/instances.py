"""Instances: how many Triton makes of a model, and rules on their groups.

After ``NormalizeInstanceGroup`` and ``ValidateInstanceGroup`` (model_config_utils.cc) and
``TritonModel::PrepareInstances`` (backend_model.cc) of triton-inference-server/core at r24.10.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from repository.check.rules import finding
from repository.config.facts import instances, is_ensemble
from repository.config.proto import pb
from repository.findings import Finding

MOST_INSTANCES = 4096
"""More than a machine starts; each has a thread of its own at least, or a process."""


def check_instances(config: pb.ModelConfig) -> Iterator[Finding]:
    """Findings about ``instance_group``."""
    if is_ensemble(config):
        return
    for group in config.instance_group:
        yield from _fields(config, group)
    total = instances(config)
    if total > MOST_INSTANCES:
        yield finding(
            "instance-count",
            config.name,
            f"at most {MOST_INSTANCES} instances",
            str(total),
            "Lower the counts: Triton starts a thread for each, and a process for each of Python.",
        )
    if config.instance_group and all(group.passive for group in config.instance_group):
        yield finding(
            "passive-instances",
            config.name,
            "an instance group that is not passive",
            "none",
            "Remove passive from one: no instance would ever serve a request, and each waits.",
        )


def _fields(config: pb.ModelConfig, group: pb.ModelInstanceGroup) -> Iterator[Finding]:
    kind = pb.ModelInstanceGroup.Kind.Name(group.kind)
    if group.gpus and kind in ("KIND_CPU", "KIND_MODEL"):
        yield finding(
            "instance-group",
            config.name,
            f"no gpus with {kind}",
            str(list(group.gpus)),
            "Write KIND_GPU, or remove gpus.",
        )
    negative = [gpu for gpu in group.gpus if gpu < 0]
    if negative:
        yield finding(
            "instance-group",
            config.name,
            "gpus by their numbers, from 0",
            str(negative),
            "Name GPUs that there are, or leave gpus out for all of them.",
        )
    twice = sorted(gpu for gpu, count in Counter(group.gpus).items() if count > 1)
    if twice:
        yield finding(
            "duplicate-device",
            config.name,
            "each GPU once in a group",
            f"{twice} more than once",
            "Write the GPU once, and raise count for more instances on it.",
        )
    for device in group.secondary_devices:
        if device.device_id < 0:
            yield finding(
                "instance-group",
                config.name,
                "a device_id of 0 or more in secondary_devices",
                str(device.device_id),
                "Name a device that there is.",
            )
    for profile in group.profile:
        if config.platform != "tensorrt_plan" or not profile.isascii() or not profile.isdigit():
            yield finding(
                "instance-group",
                config.name,
                "optimization profiles by number, and only of TensorRT plans",
                f"profile '{profile}'",
                "Remove the profile.",
            )
