"""Rules on one config as a whole: its backend, batching, instances, cache and versions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from repository.check.model.instances import check_instances
from repository.check.model.sequence import check_sequence, sizes_expected
from repository.check.model.tensors import check_tensors
from repository.check.model.warmup import check_warmup
from repository.check.rules import finding, listed
from repository.config.facts import is_decoupled, is_ensemble, is_sequence, runs_python
from repository.config.proto import pb
from repository.config.text import unknown_fields
from repository.findings import Finding
from repository.release import Release

PLATFORMS = {
    "onnxruntime": {"onnxruntime_onnx"},
    "tensorrt": {"tensorrt_plan"},
    "pytorch": {"pytorch_libtorch"},
    "tensorflow": {"tensorflow_graphdef", "tensorflow_savedmodel"},
}
"""The platforms that a known backend may be paired with; a config may also name no platform."""

KNOWN = {
    "dali",
    "fil",
    "identity",
    "onnxruntime",
    "openvino",
    "python",
    "pytorch",
    "tensorflow",
    "tensorrt",
    "tensorrtllm",
    "vllm",
}
"""The backends of NVIDIA's images; a server may have others."""

_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


def check_model(
    config: pb.ModelConfig, release: Release, *, is_open: bool = False
) -> Iterator[Finding]:
    """Findings about a config alone, whatever stands beside it.

    Args:
        config: the model's.
        release: the Triton release that will serve it.
        is_open: whether a server fills in what the config leaves out.
    """
    yield from check_fields(config, release)
    yield from _backend(config)
    if config.max_batch_size < 0:
        yield finding(
            "max-batch-size",
            config.name,
            "0 or more",
            str(config.max_batch_size),
            "Write 0 for a model without a batch axis.",
        )
    yield from check_tensors(config, is_open=is_open)
    if config.backend == "pytorch" and not config.output and not runs_python(config):
        yield finding(
            "pytorch-output",
            config.name,
            "at least one output of a TorchScript model",
            "none",
            "Write all inputs and outputs: the backend fills in none.",
        )
    yield from check_batching(config)
    yield from _cache(config)
    yield from check_sequence(config)
    yield from check_instances(config)
    yield from _versions(config)
    yield from check_warmup(config, is_open=is_open)
    yield from _metrics(config)


def check_fields(config: pb.ModelConfig, release: Release) -> Iterator[Finding]:
    """Fields that are set and that the release does not know."""
    for message, field in unknown_fields(config, release):
        yield finding(
            "unknown-field",
            config.name,
            f"fields that Triton {release.name} knows",
            f"{message.DESCRIPTOR.name}.{field}",
            "Remove it, or name a later release in the profile.",
        )


def _backend(config: pb.ModelConfig) -> Iterator[Finding]:
    if is_ensemble(config):
        return
    if config.backend and not _NAME.fullmatch(config.backend):
        yield finding(
            "backend",
            config.name,
            "a backend's name, of letters, digits, '_', '-' and '.'",
            f"'{config.backend}'",
            'Write the name alone, as backend: "python".',
        )
        return
    if config.backend and config.backend not in KNOWN:
        yield finding(
            "unknown-backend",
            config.name,
            f"a backend of NVIDIA's images ({listed(KNOWN)})",
            f"'{config.backend}'",
            "Correct its name, or add it to the server, which otherwise refuses the model.",
        )
    platforms = PLATFORMS.get(config.backend, set())
    if not config.backend:
        yield finding(
            "backend",
            config.name,
            "a backend",
            f"platform '{config.platform}'" if config.platform else "none",
            'Write the backend, as backend: "python" or "onnxruntime".',
        )
    elif platforms and config.platform not in platforms:
        yield finding(
            "backend",
            config.name,
            f"platform {' or '.join(sorted(platforms))} with backend '{config.backend}'",
            f"'{config.platform}'" if config.platform else "none",
            "Write the one that belongs to the backend.",
        )


def check_batching(config: pb.ModelConfig) -> Iterator[Finding]:
    """Findings about ``dynamic_batching``."""
    if not config.HasField("dynamic_batching"):
        return
    where, batching = config.name, config.dynamic_batching
    for size in batching.preferred_batch_size:
        if not 1 <= size <= config.max_batch_size:
            yield finding(
                "preferred-batch-size",
                where,
                sizes_expected(config.max_batch_size),
                str(size),
                "Choose a size that the model can run, or raise max_batch_size.",
            )
    levels = batching.priority_levels
    named = {"default_priority_level": batching.default_priority_level}
    named |= {f"priority_queue_policy[{key}]": key for key in batching.priority_queue_policy}
    for what, level in named.items():
        if levels and not 1 <= level <= levels:
            yield finding(
                "priority",
                where,
                f"{what} from 1 to {levels}",
                str(level),
                "Name a level that there is; 1 is the highest.",
            )
    if not batching.preserve_ordering:
        return
    if levels > 1:
        yield finding(
            "preserve-ordering",
            where,
            "one priority level, as preserve_ordering is true",
            str(levels),
            "Drop the priorities, or preserve_ordering.",
        )
    policies = {"default_queue_policy": batching.default_queue_policy}
    policies |= {
        f"priority_queue_policy[{key}]": policy
        for key, policy in batching.priority_queue_policy.items()
    }
    for what, policy in policies.items():
        delayed = policy.timeout_action == pb.ModelQueuePolicy.DELAY
        if delayed and policy.default_timeout_microseconds:
            yield finding(
                "preserve-ordering",
                where,
                "no timeout_action DELAY, as preserve_ordering is true",
                f"{what} with DELAY",
                "Write REJECT, or drop preserve_ordering.",
            )


def _cache(config: pb.ModelConfig) -> Iterator[Finding]:
    if not config.response_cache.enable:
        return
    for asked, what in (
        (is_decoupled(config), "a decoupled model"),
        (is_sequence(config), "sequence batching"),
    ):
        if asked:
            yield finding(
                "response-cache",
                config.name,
                f"no response cache with {what}",
                "response_cache { enable: true }",
                "Switch the response cache off.",
            )


def _versions(config: pb.ModelConfig) -> Iterator[Finding]:
    policy = config.version_policy
    chosen = policy.WhichOneof("policy_choice")
    if chosen == "latest" and policy.latest.num_versions == 0:
        yield finding(
            "version-policy",
            config.name,
            "at least one version to serve",
            "latest { num_versions: 0 }",
            "Write the number of versions to serve.",
        )
    elif chosen == "specific" and not policy.specific.versions:
        yield finding(
            "version-policy",
            config.name,
            "at least one version to serve",
            "specific without versions",
            "Name the versions to serve.",
        )


def _metrics(config: pb.ModelConfig) -> Iterator[Finding]:
    for control in config.model_metrics.metric_control:
        missing = [
            what
            for what, there in (
                ("metric_identifier.family", control.metric_identifier.family),
                ("histogram_options.buckets", control.histogram_options.buckets),
            )
            if not there
        ]
        if missing:
            yield finding(
                "metric-control",
                config.name,
                "metric_identifier.family and histogram_options.buckets",
                f"no {' and no '.join(missing)}",
                "Name the metric family and its buckets.",
            )
